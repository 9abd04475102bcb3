package import SiltModel

/// Files that a job reads: not the data directory, and never written.
package protocol InputFiles: Sendable {
    /// The names that a path means, sorted byte-wise: itself, or with `*` and `?` in its last part all that match.
    ///
    /// - Throws: `notFound` when there is none.
    func names(matching path: String) throws(SiltstoneError) -> [String]

    /// What is known of the files that a path or pattern means, sorted by name; none when there are none.
    func statuses(matching path: String) throws(SiltstoneError) -> [InputFileStatus]

    /// Opens a file for reads at any offset.
    func open(_ name: String) throws(SiltstoneError) -> any InputFile

    /// The standard input, read once from its beginning.
    func standardInput() throws(SiltstoneError) -> any InputFile
}

/// What is known of a file without reading it.
package struct InputFileStatus: Hashable, Sendable {
    /// The name under which it was found.
    package var name: String
    /// The device, and the number of the file on it: they stay when it is renamed.
    package var device: UInt64
    /// The number of the file on its device.
    package var number: UInt64
    /// The size in bytes.
    package var byteCount: Int
    /// When it was changed last, in milliseconds since 1970.
    package var modifiedMilliseconds: Int64

    /// What is known of a file.
    package init(
        name: String, device: UInt64, number: UInt64, byteCount: Int, modifiedMilliseconds: Int64
    ) {
        self.name = name
        self.device = device
        self.number = number
        self.byteCount = byteCount
        self.modifiedMilliseconds = modifiedMilliseconds
    }
}

/// One open input; used by one thread at a time.
package protocol InputFile: AnyObject, Sendable {
    /// The name it was opened by.
    var name: String { get }

    /// The size in bytes now; `nil` for streams.
    func byteCount() throws(SiltstoneError) -> Int?

    /// What is known of the open file now, also when its name is another file's by now; `nil` for streams.
    func status() throws(SiltstoneError) -> InputFileStatus?

    /// Appends up to `count` bytes from `offset`; 0 means the end. A stream goes on where it is, whatever the offset.
    ///
    /// - Returns: how many bytes were appended.
    func read(_ count: Int, at offset: Int, into bytes: inout [UInt8]) throws(SiltstoneError) -> Int
}

/// Matches file names against patterns with `*` (any bytes) and `?` (one byte).
package enum NamePattern {
    /// Whether a text has `*` or `?`.
    package static func isPattern(_ text: String) -> Bool {
        text.utf8.contains { $0 == 0x2a || $0 == 0x3f }
    }

    /// Whether a name matches as a whole.
    package static func matches(_ pattern: String, _ name: String) -> Bool {
        let pattern = Array(pattern.utf8)
        let name = Array(name.utf8)
        var step = 0
        var place = 0
        var retryStep = -1
        var retryPlace = 0
        while place < name.count {
            if step < pattern.count, pattern[step] == 0x2a {
                step += 1
                retryStep = step
                retryPlace = place
            } else if step < pattern.count, pattern[step] == 0x3f || pattern[step] == name[place] {
                step += 1
                place += 1
            } else if retryStep >= 0 {
                retryPlace += 1
                place = retryPlace
                step = retryStep
            } else {
                return false
            }
        }
        return pattern[step...].allSatisfy { $0 == 0x2a }
    }
}
