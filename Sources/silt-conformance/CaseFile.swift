import SiltBytes
import SiltIO
import SiltModel

/// One line of a case file.
struct ConformanceCase {
    let json: JSONValue
    let id: String
    let name: String
    let tags: [String]

    init(_ json: JSONValue, line: Int) {
        self.json = json
        id = json["id"]?.stringValue ?? "line \(line)"
        name = json["name"]?.stringValue ?? ""
        tags = (json["tags"]?.arrayValue ?? []).compactMap(\.stringValue)
    }
}

/// Reads case files: one JSON object a line.
enum CaseFile {
    private static let readBytes = 1 << 20

    static func read(_ path: String) throws(SiltstoneError) -> [ConformanceCase] {
        let file = try PosixInputFiles().open(path)
        var bytes: [UInt8] = []
        while try file.read(readBytes, at: bytes.count, into: &bytes) > 0 {}
        var cases: [ConformanceCase] = []
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where line.contains(where: { $0 > 0x20 }) {
            do throws(DecodingError) {
                let json = try JSONValue(parsing: Array(line))
                cases.append(ConformanceCase(json, line: index + 1))
            } catch {
                throw SiltstoneError(
                    .invalidArgument, "line is no JSON line=\(index + 1) reason=\(error)",
                    at: .init(file: path))
            }
        }
        return cases
    }
}

/// A case needs something that Siltstone does not have, or is not understood.
struct CaseUnsupported: Error {
    let what: String
}

extension JSONValue {
    /// A byte string of the cases: text, `{"hex"}`, `{"i64"}` or `{"i32"}`; nothing is no bytes.
    var caseBytes: Bytes {
        if let text = stringValue { return Bytes(text) }
        if let text = self["hex"]?.stringValue { return Bytes(Hex.decode(text) ?? []) }
        for (name, count) in [("i64", 8), ("i32", 4)] {
            guard let number = self[name]?.integerValue else { continue }
            let bits = UInt64(bitPattern: number)
            return Bytes(
                (0..<count).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * (count - 1 - $0))) })
        }
        return .empty
    }
}
