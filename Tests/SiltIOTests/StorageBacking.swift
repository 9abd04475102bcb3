import Foundation
import SiltBytes
import SiltIO
import SiltModel
import Testing

/// The storages that the contract tests run against.
enum StorageBacking: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case posix, memory

    var testDescription: String { rawValue }

    /// Runs `body` on an empty storage.
    func with(_ body: (any ObjectStore, any LogDevice) throws -> Void) throws {
        switch self {
        case .memory:
            let disk = MemoryDisk()
            try body(disk.objects, disk.log)
        case .posix:
            try withTemporaryDirectory { root in
                try body(try PosixObjectStore(root: root), PosixLogDevice(root: root))
            }
        }
    }
}

/// Runs `body` with the path of an empty directory that is removed afterwards.
func withTemporaryDirectory(_ body: (String) throws -> Void) throws {
    let root = FileManager.default.temporaryDirectory
        .appendingPathComponent("silt-io-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(
        atPath: root, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: root) }
    try body(root)
}

/// Bytes that a seed fixes.
func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var random = Xoshiro256(seed: seed)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) | 1 }
}

let incarnation = Identifier(high: 0x0123_4567_89ab_7def, low: 0x8123_4567_89ab_cdef)
let laterIncarnation = Identifier(high: 0x0123_4567_89ac_7def, low: 0x8123_4567_89ab_cdef)

extension ObjectWriter {
    func append(_ bytes: [UInt8]) throws {
        // Safety: the array lends its bytes for the closure.
        try unsafe bytes.withUnsafeBytes { try unsafe append($0) }
    }
}

extension ObjectReader {
    func read(_ count: Int, at offset: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        // Safety: the array lends its bytes for the closure.
        try unsafe bytes.withUnsafeMutableBytes { try unsafe read(into: $0, at: offset) }
        return bytes
    }
}

extension LogSegment {
    func append(_ bytes: [UInt8], durably: Bool) throws {
        // Safety: the array lends its bytes for the closure.
        try unsafe bytes.withUnsafeBytes { try unsafe append($0, durably: durably) }
    }
}

/// The code of the error that `body` throws; `nil` when it throws none.
func code(_ body: () throws -> Void) -> SiltstoneError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? SiltstoneError)?.code
    }
}
