import Foundation

/// Access, names, documentation of declarations, and unfinished work.
enum DeclarationRules {
    /// The modules whose names users see.
    static let publicModules: Set<String> = [
        "SiltBytes", "SiltModel", "SiltStream", "Siltstone", "SiltstoneServer", "SiltstoneTesting",
    ]

    static func accessViolations(in file: SourceFile) -> [String] {
        guard !publicModules.contains(file.module) else { return [] }
        let pattern = /\b(?:public|open)\s+\w/.wordBoundaryKind(.simple)
        return file.lines(with: ["public", "open"]).filter { file.code[$0].contains(pattern) }.map {
            "\(file.place($0)): public in \(file.module), which users do not see: use package"
        }
    }

    static func nameViolations(in file: SourceFile) -> [String] {
        let declaration =
            /\b(?:class|struct|enum|actor|protocol|typealias)\s+(\w*(?:Manager|Helper|Util|Utils|Impl)\w*)\b/
            .wordBoundaryKind(.simple)
        return file.lines(where: isEmptyName).compactMap { index in
            file.code[index].firstMatch(of: declaration).map {
                "\(file.place(index)): \($0.1) says nothing; name it for what it is"
            }
        }
    }

    private static func isEmptyName(_ word: Substring) -> Bool {
        word.contains("Manager") || word.contains("Helper") || word.contains("Util")
            || word.contains("Impl")
    }

    static func unfinishedViolations(in file: SourceFile) -> [String] {
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
        guard marks.contains(where: { file.text.range(of: $0) != nil }) else { return [] }
        let pattern = /\b(?:TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b/.wordBoundaryKind(.simple)
        return file.lines.indices.filter { file.lines[$0].contains(pattern) }.map {
            "\(file.place($0)): unfinished work is written in the tracker, not in the source"
        }
    }

    /// Public and package declarations without a `///` comment.
    static func documentationViolations(in file: SourceFile) -> [String] {
        let declaration =
            /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:public|package)\s+(?!import\b|extension\b)/
            .wordBoundaryKind(.simple)
        return file.lines(with: ["public", "package"]).compactMap { index in
            guard file.code[index].contains(declaration) else { return nil }
            var above = index - 1
            while above >= 0, isBetween(file.code[above], file.lines[above]) { above -= 1 }
            let comment = above >= 0 ? file.lines[above].drop { $0 == " " } : ""
            if comment.hasPrefix("///") { return nil }
            return "\(file.place(index)): a public or package declaration has no documentation"
        }
    }

    /// Whether a line may stand between a declaration and its documentation: an attribute or a plain comment.
    private static func isBetween(_ code: String, _ line: String) -> Bool {
        if code.contains(/^\s*(?:@\w+|#if\b)/.wordBoundaryKind(.simple)) { return true }
        let text = line.drop { $0 == " " }
        return text.hasPrefix("//") && !text.hasPrefix("///")
    }
}
