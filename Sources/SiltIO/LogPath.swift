package import SiltBytes

/// The names of log segments within a data directory: `wal/<incarnation>/<number>.log`.
package enum LogPath {
    /// The folder of an incarnation, relative to the data directory.
    package static func folder(_ incarnation: Identifier) -> String {
        "\(ObjectKey.logFolder)/\(incarnation)"
    }

    /// The file of a segment, relative to the data directory.
    package static func segment(_ incarnation: Identifier, _ number: UInt64) -> String {
        "\(folder(incarnation))/\(fileName(number))"
    }

    /// A segment's file name: at least 16 digits, so that listings sort.
    package static func fileName(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 16 - digits.count)) + digits + ".log"
    }

    /// The number of a segment's file name; `nil` when it is not one.
    package static func number(ofFileName name: String) -> UInt64? {
        guard name.hasSuffix(".log"), let number = UInt64(name.dropLast(4)),
            fileName(number) == name
        else { return nil }
        return number
    }

    /// The incarnation of a folder's name; `nil` when it is not one.
    package static func incarnation(ofFolderName name: String) -> Identifier? {
        guard let identifier = Identifier(name), identifier.description == name else { return nil }
        return identifier
    }
}
