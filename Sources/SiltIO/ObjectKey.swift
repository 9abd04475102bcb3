package import SiltModel

/// The rules of object keys and of the names that a data directory uses for other things.
package enum ObjectKey {
    /// The folder of the logs: no object lives there.
    package static let logFolder = "wal"
    /// The lock file's name: no object has it.
    package static let lockName = "LOCK"
    /// How the names of unfinished files end: no object's name does.
    package static let temporarySuffix = ".tmp"

    /// Throws `invalidArgument` unless `key` is a relative path of `[A-Za-z0-9._-]` segments that
    /// stays inside its store and clear of reserved names.
    package static func validate(_ key: String) throws(SiltstoneError) {
        guard let reason = fault(of: key) else { return }
        throw SiltstoneError(
            .invalidArgument, "object key is not usable reason=\(reason) key=\(key)")
    }

    /// Whether `key` may name an object.
    package static func isValid(_ key: String) -> Bool { fault(of: key) == nil }

    private static func fault(of key: String) -> String? {
        let bytes = Array(key.utf8)
        guard bytes.count <= 1024 else { return "too-long" }
        let segments = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for segment in segments {
            // Room is left for the suffix of a temporary file: file systems end at 255 bytes.
            guard !segment.isEmpty else { return "empty-segment" }
            guard segment.count <= 200 else { return "long-segment" }
            guard segment.allSatisfy(isAllowed) else { return "character" }
            guard segment.contains(where: { $0 != UInt8(ascii: ".") }) else { return "dots" }
        }
        guard !key.hasSuffix(temporarySuffix), key != lockName else { return "reserved" }
        guard segments.first.map({ !$0.elementsEqual(logFolder.utf8) }) == true else {
            return "reserved"
        }
        return nil
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
