/// A place in a job file; both count from 1.
package struct DocumentMark: Hashable, Sendable, CustomStringConvertible {
    /// The line.
    package let line: Int
    /// The column, in characters.
    package let column: Int

    /// A place.
    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// `line:column`.
    package var description: String { "\(line):\(column)" }
}

/// A parsed job file: scalars, lists and maps that remember where they stood.
///
/// YAML and JSON both become this.
package struct DocumentNode: Hashable, Sendable {
    /// What a node holds.
    package enum Content: Hashable, Sendable {
        /// A scalar as it was written, without its quotes. Only an unquoted one may mean null, a truth value or a number.
        case scalar(String, isQuoted: Bool)
        /// A list.
        case list([DocumentNode])
        /// A map, its entries in the order of the file.
        case map([Entry])
    }

    /// A key and its value.
    package struct Entry: Hashable, Sendable {
        /// The key.
        package let key: String
        /// Where the key stands.
        package let mark: DocumentMark
        /// The value.
        package let value: DocumentNode

        /// An entry of a map.
        package init(key: String, mark: DocumentMark, value: DocumentNode) {
            self.key = key
            self.mark = mark
            self.value = value
        }
    }

    /// What the node holds.
    package let content: Content
    /// Where it stands; of a quoted scalar, its opening quote.
    package let mark: DocumentMark

    /// A node.
    package init(_ content: Content, mark: DocumentMark) {
        self.content = content
        self.mark = mark
    }

    /// The text of a scalar, else `nil`.
    ///
    /// Null has no text.
    package var text: String? {
        guard case .scalar(let text, _) = content, !isNull else { return nil }
        return text
    }

    /// Whether this is an unquoted `null`, `~` or nothing at all.
    package var isNull: Bool {
        guard case .scalar(let text, false) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// The truth value of an unquoted `true` or `false`, else `nil`.
    package var bool: Bool? {
        guard case .scalar(let text, false) = content else { return nil }
        switch text {
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        default: return nil
        }
    }

    /// The elements of a list, else `nil`.
    package var list: [DocumentNode]? {
        if case .list(let elements) = content { elements } else { nil }
    }

    /// The entries of a map, else `nil`.
    package var entries: [Entry]? {
        if case .map(let entries) = content { entries } else { nil }
    }

    /// What the node is, for messages.
    package var kindName: String {
        switch content {
        case .scalar(let text, true): "the text '\(text)'"
        case .scalar(let text, false): isNull ? "null" : "'\(text)'"
        case .list: "a list"
        case .map: "a map"
        }
    }

    /// A text that is equal for documents of equal meaning: marks, quotes and the order of keys do not count
    /// (but below `map`, where order has a meaning).
    package var canonicalText: String {
        var bytes: [UInt8] = []
        appendCanonical(to: &bytes, sortsKeys: true)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func appendCanonical(to bytes: inout [UInt8], sortsKeys: Bool) {
        switch content {
        case .scalar(let text, _):
            bytes.append(contentsOf: (isNull ? "~" : text.debugDescription).utf8)
        case .list(let elements):
            bytes.append(UInt8(ascii: "["))
            for element in elements {
                element.appendCanonical(to: &bytes, sortsKeys: true)
                bytes.append(UInt8(ascii: ","))
            }
            bytes.append(UInt8(ascii: "]"))
        case .map(let entries):
            bytes.append(UInt8(ascii: "{"))
            let ordered =
                sortsKeys
                ? entries.sorted { Array($0.key.utf8).lexicographicallyPrecedes($1.key.utf8) }
                : entries
            for entry in ordered {
                bytes.append(contentsOf: entry.key.debugDescription.utf8)
                bytes.append(UInt8(ascii: ":"))
                entry.value.appendCanonical(to: &bytes, sortsKeys: entry.key != "map")
                bytes.append(UInt8(ascii: ","))
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}
