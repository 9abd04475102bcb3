internal import SiltBytes

/// The fields of a window's key by their names.
///
/// Where the key is kept as one text, joined by `#`, it is cut there; when that gives another number of parts than
/// there are fields, only the whole is known, as `key`.
struct AlertKeyFields {
    /// The key as one text.
    let text: String
    /// Names and texts of the fields, in the job's order; empty when they cannot be told apart.
    let fields: [(name: String, text: String)]

    init(_ job: JobDefinition, _ key: [UInt8], isApart: Bool) {
        let names = job.key.map { $0.joined(separator: ".") }
        var parts: [[UInt8]] = []
        if isApart {
            var reader = ByteReader(key)
            while !reader.isAtEnd, let part = try? reader.readSized() { parts.append(part) }
        } else if names.count == 1 {
            parts = [key]
        } else if !names.isEmpty {
            parts = key.split(separator: 0x23, omittingEmptySubsequences: false).map(Array.init)
        }
        text =
            isApart
            ? String(decoding: Array(parts.joined(separator: [0x23])), as: UTF8.self)
            : String(decoding: key, as: UTF8.self)
        fields =
            parts.count == names.count
            ? zip(names, parts).map { ($0, String(decoding: $1, as: UTF8.self)) } : []
    }

    /// A field's text; `key` is the whole.
    subscript(name: String) -> String? {
        fields.first { $0.name == name }?.text ?? (name == "key" ? text : nil)
    }
}
