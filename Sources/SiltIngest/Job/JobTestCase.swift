/// A case in a job file: events in, rows out.
package struct JobTestCase: Sendable {
    /// A row that is wanted, with some of its cells by `family:name` or name.
    struct ExpectedRow: Sendable {
        let key: String
        let cells: [(name: String, text: String?)]
        let mark: DocumentMark
    }

    /// What the case is called.
    package let name: String
    /// Where it stands.
    package let mark: DocumentMark
    let input: [UInt8]
    let rows: [ExpectedRow]?
    let late: Int64?
    let bad: Int64?
}

extension JobReader {
    /// `tests`: cases that `silt job test` runs.
    mutating func readTests(_ map: inout JobMap) {
        guard let node = map.take("tests") else { return }
        guard let list = node.list else {
            report(node.mark, "tests must be a list, not \(node.kindName)")
            return
        }
        for (index, node) in list.enumerated() {
            guard var test = takeMap(node, "a test") else { continue }
            var name = "test \(index + 1)"
            if let node = test.take("name") { name = text(node, "name") ?? name }
            let input = test.required("events", &self).map { readEvents($0) } ?? []
            var rows: [JobTestCase.ExpectedRow]?
            if let node = test.take("rows") {
                rows = node.list?.compactMap { readRow($0) }
                if node.list == nil {
                    report(node.mark, "rows must be a list, not \(node.kindName)")
                }
            }
            let late = readCount(&test, "late")
            let bad = readCount(&test, "bad")
            test.finish(&self)
            definition.tests.append(
                JobTestCase(
                    name: name, mark: node.mark, input: input, rows: rows, late: late, bad: bad))
        }
    }

    private mutating func readCount(_ map: inout JobMap, _ key: String) -> Int64? {
        guard let node = map.take(key) else { return nil }
        guard let count = node.text.flatMap({ Int64($0) }), count >= 0 else {
            report(node.mark, "\(key) must be a count, not \(node.kindName)")
            return nil
        }
        return count
    }

    /// The lines of a test's events: texts as they are, maps as JSON.
    private mutating func readEvents(_ node: DocumentNode) -> [UInt8] {
        if let text = node.text { return Array(text.utf8) }
        guard let list = node.list else {
            report(node.mark, "events must be a list or a text, not \(node.kindName)")
            return []
        }
        var bytes: [UInt8] = []
        for event in list {
            switch event.content {
            case .scalar(let text, _): bytes += text.utf8
            case .list, .map:
                if definition.format != .ndjson {
                    report(event.mark, "events of this format must be texts")
                }
                event.appendJSON(to: &bytes)
            }
            bytes.append(0x0a)
        }
        return bytes
    }

    private mutating func readRow(_ node: DocumentNode) -> JobTestCase.ExpectedRow? {
        guard let entries = node.entries else {
            report(node.mark, "a row must be a map, not \(node.kindName)")
            return nil
        }
        guard let key = entries.first(where: { $0.key == "row" })?.value.text else {
            report(node.mark, "a row needs its key as row")
            return nil
        }
        let cells = entries.filter { $0.key != "row" }.map { (name: $0.key, text: $0.value.text) }
        return JobTestCase.ExpectedRow(key: key, cells: cells, mark: node.mark)
    }
}

extension DocumentNode {
    /// Appends the node as JSON: unquoted numbers, truth values and nulls as they are, all else as texts.
    fileprivate func appendJSON(to bytes: inout [UInt8]) {
        switch content {
        case .scalar(let text, let isQuoted):
            if isNull {
                bytes += "null".utf8
            } else if !isQuoted, let bool {
                bytes += (bool ? "true" : "false").utf8
            } else if !isQuoted, Int64(text) != nil || Double(text)?.isFinite == true {
                bytes += text.utf8
            } else {
                JSONText.append(text, to: &bytes)
            }
        case .list(let elements):
            bytes.append(0x5b)
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(0x2c) }
                element.appendJSON(to: &bytes)
            }
            bytes.append(0x5d)
        case .map(let entries):
            bytes.append(0x7b)
            for (index, entry) in entries.enumerated() {
                if index > 0 { bytes.append(0x2c) }
                JSONText.append(entry.key, to: &bytes)
                bytes.append(0x3a)
                entry.value.appendJSON(to: &bytes)
            }
            bytes.append(0x7d)
        }
    }
}

/// Texts as JSON strings.
private enum JSONText {
    static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(0x22)
        for byte in text.utf8 {
            switch byte {
            case 0x22, 0x5c: bytes += [0x5c, byte]
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                bytes += "\\u00\(digits.count == 1 ? "0" : "")\(digits)".utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(0x22)
    }
}
