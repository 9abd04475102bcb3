/// A Swift file, as the rules look at it.
struct SourceFile {
    /// The path below the package's root, such as `Sources/SiltBytes/Hex.swift`.
    let path: String
    /// The lines as written.
    let lines: [String]
    /// The lines with comments and the contents of string literals blanked out.
    let code: [String]
    /// The lines on which each word of the code stands: rules look at these lines only.
    let places: [Substring: [Int]]
    /// The whole text.
    let text: String

    init(path: String, text: String) {
        self.path = path
        self.text = text
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let bare = CodeOnly.blank(text)
        code = bare.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        places = SourceFile.index(bare)
    }

    private static func index(_ code: String) -> [Substring: [Int]] {
        var places: [Substring: [Int]] = [:]
        var line = 0
        var start: String.Index?
        let bytes = code.utf8
        for index in bytes.indices {
            let byte = bytes[index]
            if isWord(byte) {
                if start == nil { start = index }
                continue
            }
            if let begin = start {
                let word = code[begin..<index]
                if places[word]?.last != line { places[word, default: []].append(line) }
                start = nil
            }
            if byte == 0x0a { line += 1 }
        }
        if let begin = start { places[code[begin...], default: []].append(line) }
        return places
    }

    /// The lines on which one of some words stands, in order.
    func lines(with words: some Sequence<Substring>) -> [Int] {
        Set(words.flatMap { places[$0] ?? [] }).sorted()
    }

    /// The lines with words for which a test holds, in order.
    func lines(where isWanted: (Substring) -> Bool) -> [Int] {
        Set(places.filter { isWanted($0.key) }.flatMap(\.value)).sorted()
    }

    /// The target the file belongs to: the second component of its path.
    var module: String {
        let parts = path.split(separator: "/")
        return parts.count > 2 ? String(parts[1]) : ""
    }

    /// The file's own name.
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// Whether the file is part of a product rather than of a test.
    var isProduct: Bool { path.hasPrefix("Sources/") }

    /// Whether the file belongs to a program: those print, and end the process.
    var isProgram: Bool { module == "silt" || module == "silt-conformance" }

    /// Whether a byte can be part of a word.
    static func isWord(_ byte: UInt8) -> Bool {
        byte >= 0x61 && byte <= 0x7a || byte >= 0x41 && byte <= 0x5a || byte >= 0x30 && byte <= 0x39
            || byte == 0x5f
    }

    /// `path:line`, counted from 1, for messages.
    func place(_ index: Int) -> String { "\(path):\(index + 1)" }
}

/// Blanks what is not code, so that rules do not trip over words in comments and strings.
enum CodeOnly {
    /// The text with comments and string contents replaced by spaces; line breaks stay.
    ///
    /// Code inside interpolations stays too.
    static func blank(_ text: String) -> String {
        var scanner = Scanner(input: Array(text.utf8))
        scanner.scanCode(untilParenthesis: false)
        return String(decoding: scanner.output, as: UTF8.self)
    }

    private struct Scanner {
        let input: [UInt8]
        var output: [UInt8] = []
        var index = 0

        private func has(_ word: String) -> Bool { input[index...].starts(with: word.utf8) }

        private mutating func keep(_ count: Int = 1) {
            for _ in 0..<count where index < input.count {
                output.append(input[index])
                index += 1
            }
        }

        private mutating func drop(_ count: Int = 1) {
            for _ in 0..<count where index < input.count {
                output.append(input[index] == UInt8(ascii: "\n") ? input[index] : UInt8(ascii: " "))
                index += 1
            }
        }

        mutating func scanCode(untilParenthesis: Bool) {
            var depth = 0
            while index < input.count {
                switch input[index] {
                case UInt8(ascii: "/") where has("//"):
                    while index < input.count, input[index] != UInt8(ascii: "\n") { drop() }
                case UInt8(ascii: "/") where has("/*"): skipBlockComment()
                case UInt8(ascii: "\""): skipString()
                case UInt8(ascii: "#") where has("#\"") || has("##\""): skipString()
                case UInt8(ascii: "("):
                    depth += 1
                    keep()
                case UInt8(ascii: ")"):
                    if untilParenthesis, depth == 0 { return }
                    depth -= 1
                    keep()
                default: keep()
                }
            }
        }

        private mutating func skipBlockComment() {
            var depth = 0
            repeat {
                if has("/*") {
                    depth += 1
                    drop(2)
                } else if has("*/") {
                    depth -= 1
                    drop(2)
                } else {
                    drop()
                }
            } while depth > 0 && index < input.count
        }

        private mutating func skipString() {
            var pounds = ""
            while has("#") {
                pounds += "#"
                keep()
            }
            let quote = has("\"\"\"") ? "\"\"\"" : "\""
            keep(quote.utf8.count)
            while index < input.count, !has(quote + pounds) {
                if has("\\" + pounds + "(") {
                    drop(1 + pounds.utf8.count)
                    keep()
                    scanCode(untilParenthesis: true)
                } else if pounds.isEmpty, has("\\") {
                    drop(2)
                } else {
                    drop()
                }
            }
            keep(quote.utf8.count + pounds.utf8.count)
        }
    }
}
