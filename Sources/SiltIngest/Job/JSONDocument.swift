internal import SiltBytes
internal import SiltModel

extension DocumentNode {
    /// Parses a JSON job file.
    ///
    /// - Throws: the first thing that is not JSON, with its line and column.
    package init(json bytes: [UInt8]) throws(JobDiagnostics) {
        var reader = JSONDocumentReader(bytes)
        do {
            self = try reader.readDocument()
        } catch {
            throw JobDiagnostics([JobDiagnostic(reader.mark(at: error.offset), error.message)])
        }
    }
}

/// Builds a `DocumentNode` from JSON.
private struct JSONDocumentReader {
    private var scanner: JSONScanner
    private var lineStarts = [0]

    init(_ bytes: [UInt8]) {
        scanner = JSONScanner(bytes)
        for (index, byte) in bytes.enumerated() where byte == 0x0a { lineStarts.append(index + 1) }
    }

    func mark(at offset: Int) -> DocumentMark {
        var low = 0
        var high = lineStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        let end = min(offset, scanner.bytes.count)
        let column = String(
            decoding: scanner.bytes[lineStarts[low]..<max(lineStarts[low], end)], as: UTF8.self
        ).count
        return DocumentMark(line: low + 1, column: column + 1)
    }

    mutating func readDocument() throws(DecodingError) -> DocumentNode {
        let node = try readNode(depth: 0)
        guard scanner.peek() == nil else {
            throw scanner.error("text goes on after the JSON value")
        }
        return node
    }

    private mutating func readNode(depth: Int) throws(DecodingError) -> DocumentNode {
        guard let byte = scanner.peek() else {
            throw scanner.error("text ends where a value should be")
        }
        guard depth < 32 else { throw scanner.error("value nests too deep limit=32") }
        let start = scanner.offset
        let place = mark(at: start)
        switch byte {
        case 0x7b: return DocumentNode(.map(try readEntries(depth: depth)), mark: place)
        case 0x5b: return DocumentNode(.list(try readElements(depth: depth)), mark: place)
        case 0x22:
            return DocumentNode(.scalar(try scanner.scanString(), isQuoted: true), mark: place)
        case 0x74: try scanner.scanLiteral("true")
        case 0x66: try scanner.scanLiteral("false")
        case 0x6e: try scanner.scanLiteral("null")
        default: _ = try scanner.scanNumber()
        }
        let text = String(decoding: scanner.bytes[start..<scanner.offset], as: UTF8.self)
        return DocumentNode(.scalar(text, isQuoted: false), mark: place)
    }

    private mutating func readElements(depth: Int) throws(DecodingError) -> [DocumentNode] {
        scanner.offset += 1
        var elements: [DocumentNode] = []
        if scanner.take(0x5d) { return elements }
        repeat { elements.append(try readNode(depth: depth + 1)) } while scanner.take(0x2c)
        guard scanner.take(0x5d) else { throw scanner.error("list has no ']' here") }
        return elements
    }

    private mutating func readEntries(depth: Int) throws(DecodingError) -> [DocumentNode.Entry] {
        scanner.offset += 1
        var entries: [DocumentNode.Entry] = []
        if scanner.take(0x7d) { return entries }
        repeat {
            guard scanner.peek() == 0x22 else { throw scanner.error("key is not a string") }
            let place = mark(at: scanner.offset)
            let key = try scanner.scanString()
            guard scanner.take(0x3a) else { throw scanner.error("key has no ':'") }
            entries.append(
                DocumentNode.Entry(key: key, mark: place, value: try readNode(depth: depth + 1)))
        } while scanner.take(0x2c)
        guard scanner.take(0x7d) else { throw scanner.error("map has no '}' here") }
        return entries
    }
}
