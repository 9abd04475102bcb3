/// The entries of a map while they are read: knows which keys nobody asked for.
struct JobMap {
    private var entries: [DocumentNode.Entry]
    let mark: DocumentMark
    private let what: String

    /// The entries of a map; keys that occur twice are findings.
    init(
        _ entries: [DocumentNode.Entry], mark: DocumentMark, what: String, _ reader: inout JobReader
    ) {
        self.entries = []
        self.mark = mark
        self.what = what
        for entry in entries {
            if self.entries.contains(where: { $0.key == entry.key }) {
                reader.report(entry.mark, "key '\(entry.key)' occurs twice in \(what)")
            } else {
                self.entries.append(entry)
            }
        }
    }

    /// Takes the value of a key; `nil` when it is missing or null.
    mutating func take(_ key: String) -> DocumentNode? {
        guard let index = entries.firstIndex(where: { $0.key == key }) else { return nil }
        let value = entries.remove(at: index).value
        return value.isNull ? nil : value
    }

    /// Takes the value of a key that must be there.
    mutating func required(_ key: String, _ reader: inout JobReader) -> DocumentNode? {
        guard let node = take(key) else {
            reader.report(mark, "\(what) needs '\(key)'")
            return nil
        }
        return node
    }

    /// Takes a key that is planned but not there yet; a finding when it is used.
    mutating func unsupported(_ key: String, _ reader: inout JobReader) {
        guard let index = entries.firstIndex(where: { $0.key == key }) else { return }
        let entry = entries.remove(at: index)
        reader.report(entry.mark, "'\(key)' in \(what) is not supported yet")
    }

    /// Reports the keys that nobody took.
    func finish(_ reader: inout JobReader) {
        for entry in entries { reader.report(entry.mark, "unknown key '\(entry.key)' in \(what)") }
    }
}
