import SiltIO
import SiltStream

/// The machine's copy of the IANA time zone database.
enum TimeZoneFiles {
    static let folder = "/usr/share/zoneinfo"
    private static let bytesMax = 1 << 20

    /// The rules of a zone; `nil` when there is none of the name or its file is damaged.
    static func rules(_ name: String) -> TimeZoneRules? {
        if name == "UTC" { return .utc }
        let isName =
            !name.isEmpty && name.first != "/" && !name.contains("..")
            && name.utf8.allSatisfy { byte in
                byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26
                    || [0x2b, 0x2d, 0x2f, 0x5f].contains(byte)
            }
        guard isName, let file = try? PosixInputFiles().open("\(folder)/\(name)") else {
            return nil
        }
        var bytes: [UInt8] = []
        while bytes.count < bytesMax {
            guard let count = try? file.read(1 << 16, at: bytes.count, into: &bytes) else {
                return nil
            }
            if count == 0 { break }
        }
        return try? TimeZoneRules(name: name, file: bytes)
    }
}
