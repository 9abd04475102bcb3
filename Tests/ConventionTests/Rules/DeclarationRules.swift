/// Access, names, documentation of declarations, and unfinished work.
enum DeclarationRules {
    /// The modules whose names users see.
    static let publicModules: Set<String> = [
        "SiltBytes", "SiltModel", "SiltStream", "Siltstone", "SiltstoneServer", "SiltstoneTesting",
    ]

    static func accessViolations(in file: SourceFile) -> [String] {
        guard !publicModules.contains(file.module),
            file.words.contains("public") || file.words.contains("open")
        else { return [] }
        return file.code.indices.filter {
            file.code[$0].contains(/\b(?:public|open)\s+\w/.wordBoundaryKind(.simple))
        }.map {
            "\(file.place($0)): public in \(file.module), which users do not see: use package"
        }
    }

    static func nameViolations(in file: SourceFile) -> [String] {
        guard file.words.contains(where: { isEmptyName($0) }) else { return [] }
        let declaration =
            /\b(?:class|struct|enum|actor|protocol|typealias)\s+(\w*(?:Manager|Helper|Util|Utils|Impl)\w*)\b/
            .wordBoundaryKind(.simple)
        return file.code.indices.compactMap { index in
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
        file.lines.indices.filter {
            guard file.lines[$0].contains("//") else { return false }
            return file.lines[$0].contains(
                /\b(?:TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b/.wordBoundaryKind(.simple))
        }.map {
            "\(file.place($0)): unfinished work is written in the tracker, not in the source"
        }
    }

    /// Public and package declarations without a `///` comment.
    static func documentationViolations(in file: SourceFile) -> [String] {
        let declaration =
            /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:public|package)\s+(?!import\b|extension\b)/
            .wordBoundaryKind(.simple)
        return file.code.indices.compactMap { index in
            let line = file.code[index]
            guard line.contains("public ") || line.contains("package "), line.contains(declaration)
            else {
                return nil
            }
            var above = index - 1
            while above >= 0, isAttributeLine(file.code[above]) { above -= 1 }
            let comment = above >= 0 ? file.lines[above].drop { $0 == " " } : ""
            if comment.hasPrefix("///") { return nil }
            return "\(file.place(index)): a public or package declaration has no documentation"
        }
    }

    private static func isAttributeLine(_ line: String) -> Bool {
        line.contains(/^\s*(?:@\w+|#if\b)/.wordBoundaryKind(.simple))
    }
}
