/// Files and functions stay short enough to be read.
enum SizeRules {
    static let fileLinesMax = 600
    static let functionLinesMax = 70

    static func violations(in file: SourceFile) -> [String] {
        var found: [String] = []
        let count = file.lines.last == "" ? file.lines.count - 1 : file.lines.count
        if count > fileLinesMax {
            found.append("\(file.path): \(count) lines; at most \(fileLinesMax)")
        }
        for function in functions(in: file) where function.count > functionLinesMax {
            found.append(
                "\(file.place(function.lowerBound)): function of \(function.count) lines;"
                    + " at most \(functionLinesMax)")
        }
        return found
    }

    /// The lines of each function and initialiser with a body, from its first line to its last brace.
    static func functions(in file: SourceFile) -> [ClosedRange<Int>] {
        var found: [ClosedRange<Int>] = []
        let text = Array(file.code.joined(separator: "\n").utf8)
        var line = 0
        var index = 0
        var previousIsWord = false
        while index < text.count {
            let byte = text[index]
            if byte == UInt8(ascii: "\n") { line += 1 }
            if !previousIsWord, isWord(byte), startsFunction(text, index),
                let open = bodyStart(text, after: index)
            {
                found.append(line...(line + linesUntilClosed(text, from: index, open: open)))
            }
            previousIsWord = isWord(byte) || byte == UInt8(ascii: ".")
            index += 1
        }
        return found
    }

    private static func isWord(_ byte: UInt8) -> Bool { SourceFile.isWord(byte) }

    private static func startsFunction(_ text: [UInt8], _ index: Int) -> Bool {
        guard [UInt8(ascii: "f"), UInt8(ascii: "i"), UInt8(ascii: "s")].contains(text[index]) else {
            return false
        }
        let rest = text[index...]
        return rest.starts(with: "func ".utf8) || rest.starts(with: "init(".utf8)
            || rest.starts(with: "init?(".utf8) || rest.starts(with: "init<".utf8)
            || rest.starts(with: "subscript(".utf8)
    }

    private static let declarations: Set<String> = [
        "func", "var", "let", "init", "case", "static", "package", "public", "private", "internal",
        "subscript", "mutating", "struct", "class", "enum", "extension", "protocol",
        "associatedtype",
        "return", "self", "super",
    ]

    /// The offset of the brace that opens the body, or nil for a requirement or a call.
    private static func bodyStart(_ text: [UInt8], after start: Int) -> Int? {
        var depth = 0
        var index = start
        while index < text.count, text[index] != UInt8(ascii: "(") { index += 1 }
        var word = ""
        while index < text.count {
            let byte = text[index]
            if isWord(byte) {
                word.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                if depth == 0, declarations.contains(word) { return nil }
                word = ""
                switch byte {
                case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: ")"), UInt8(ascii: "]"):
                    depth -= 1
                    if depth < 0 { return nil }
                case UInt8(ascii: "{"): if depth == 0 { return index }
                case UInt8(ascii: "}"), UInt8(ascii: "="), UInt8(ascii: ","):
                    if depth == 0 { return nil }
                default: break
                }
            }
            index += 1
        }
        return nil
    }

    private static func linesUntilClosed(_ text: [UInt8], from start: Int, open: Int) -> Int {
        var lines = text[start..<open].count { $0 == UInt8(ascii: "\n") }
        var depth = 0
        for byte in text[open...] {
            if byte == UInt8(ascii: "\n") { lines += 1 }
            if byte == UInt8(ascii: "{") { depth += 1 }
            if byte == UInt8(ascii: "}") {
                depth -= 1
                if depth == 0 { break }
            }
        }
        return lines
    }
}
