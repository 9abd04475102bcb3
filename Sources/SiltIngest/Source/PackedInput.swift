internal import SiltBytes
internal import SiltCodec
internal import SiltIO
internal import SiltModel

/// What a compressed file holds, read once from its beginning.
final class PackedInput {
    private enum Unpacker {
        case gzip(GzipUnpacker)
        case zstandard(ZstandardUnpacker)
    }

    /// What a file may unpack to: more shows that it was made to fill memory or time.
    struct Limits {
        /// So many bytes are never too many.
        var freeBytes = 1 << 30
        /// Beyond those, at most so many times the bytes that were read of the file.
        var ratioMax = 1000
    }

    private static let blockBytes = 256 << 10
    private let limits: Limits
    private var unpackedBytes = 0

    private let file: any InputFile
    private let unpacker: Unpacker
    /// Bytes of the file that were read, and how many of them are unpacked.
    private var block: [UInt8] = []
    private var taken = 0
    /// How much of the file was read.
    private var offset = 0
    private var ended = false

    /// The name of the compression that a file's first bytes show; `nil` when it is not compressed.
    static func compression(of head: some Collection<UInt8>) -> String? {
        if head.starts(with: [0x1f, 0x8b]) { return "gzip" }
        return head.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) ? "Zstandard" : nil
    }

    /// Looks at a file's first bytes; `nil` when it is not compressed.
    init?(_ file: any InputFile, limits: Limits = Limits()) throws(SiltstoneError) {
        self.limits = limits
        var head: [UInt8] = []
        while head.count < 4, try file.read(4 - head.count, at: head.count, into: &head) > 0 {}
        switch PackedInput.compression(of: head) {
        case "gzip":
            guard let unpacker = GzipUnpacker() else { return nil }
            self.unpacker = .gzip(unpacker)
        case "Zstandard":
            guard let unpacker = ZstandardUnpacker() else { return nil }
            self.unpacker = .zstandard(unpacker)
        default: return nil
        }
        self.file = file
    }

    /// Bytes that were unpacked beyond what was asked for.
    private var ready: [UInt8] = []
    private var given = 0

    /// Appends the next bytes, at most `count`; 0 means the end.
    ///
    /// - Throws: `corrupted` when the file is damaged or cut short.
    func read(_ count: Int, into bytes: inout [UInt8]) throws(SiltstoneError) -> Int {
        while given == ready.count, !ended { try unpackMore() }
        let got = min(count, ready.count - given)
        bytes.append(contentsOf: ready[given..<given + got])
        given += got
        return got
    }

    private func unpackMore() throws(SiltstoneError) {
        ready.removeAll(keepingCapacity: true)
        given = 0
        var isAtEnd = false
        if taken == block.count {
            block.removeAll(keepingCapacity: true)
            taken = 0
            let got = try file.read(PackedInput.blockBytes, at: offset, into: &block)
            offset += got
            isAtEnd = got == 0
        }
        let step: Int
        let isComplete: Bool
        do throws(DecodingError) {
            switch unpacker {
            case .gzip(let stream):
                step = try stream.unpack(block, from: taken, into: &ready)
                isComplete = stream.isComplete
            case .zstandard(let stream):
                step = try stream.unpack(block, from: taken, into: &ready)
                isComplete = stream.isComplete
            }
        } catch {
            throw damaged(error.message, at: offset - block.count + error.offset)
        }
        taken += step
        unpackedBytes += ready.count
        if unpackedBytes > limits.freeBytes, unpackedBytes / limits.ratioMax > offset {
            throw SiltstoneError(
                .invalidArgument,
                "compressed input unpacks to more than \(limits.ratioMax) times its size",
                at: .init(file: file.name, offset: offset - block.count + taken))
        }
        guard isAtEnd, ready.isEmpty else { return }
        if !isComplete { throw damaged("compressed input ends too early", at: offset) }
        ended = true
    }

    private func damaged(_ what: String, at offset: Int) -> SiltstoneError {
        SiltstoneError(.corrupted, what, at: .init(file: file.name, offset: offset))
    }
}
