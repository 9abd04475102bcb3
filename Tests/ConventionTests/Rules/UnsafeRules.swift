import Foundation

/// Unsafe code stands in few files, and each use says which fact it relies on.
enum UnsafeRules {
    /// The files that may touch raw memory. Everything else is safe Swift.
    static let files: Set<String> = []

    /// A `// Safety:` comment speaks for the rest of the block that it stands in, but for no more
    /// lines than this.
    static let reach = 60

    /// And for so many lines before it: the statement may have begun there.
    static let before = 3

    private static func isTrigger(_ word: Substring) -> Bool {
        word == "unsafe" || word == "unchecked" || word == "Unmanaged" || word.hasPrefix("Unsafe")
            || word.hasPrefix("withUnsafe")
    }

    static func violations(in file: SourceFile, allowed: Set<String>) -> [String] {
        let uses = file.lines(where: isTrigger)
        if uses.isEmpty { return [] }
        let touching = /\bunsafe\b|\bUnsafe\w+|\bwithUnsafe\w+|\bUnmanaged\b/.wordBoundaryKind(.simple)
        let relying =
            /\bunsafe [^,)]|@unchecked Sendable|nonisolated\(unsafe\)/.wordBoundaryKind(.simple)
        var found: [String] = []
        if !allowed.contains(file.path),
            let first = uses.first(where: { file.code[$0].contains(touching) })
        {
            found.append("\(file.place(first)): unsafe code outside the listed files")
        }
        let reasons = reasons(in: file)
        for index in uses where file.code[index].contains(relying) {
            if !reasons.contains(where: { $0.contains(index) }) {
                found.append("\(file.place(index)): no `// Safety:` comment names the fact relied on")
            }
        }
        return found
    }

    /// The lines for which each `// Safety:` comment speaks.
    private static func reasons(in file: SourceFile) -> [Range<Int>] {
        file.lines.indices.filter { file.lines[$0].utf8.contains(UInt8(ascii: "/")) }.compactMap { index in
            let text = file.lines[index]
            guard text.range(of: "// Safety:") != nil else { return nil }
            let indentation = text.prefix { $0 == " " }.count
            var end = index + 1
            while end < file.lines.count, end <= index + reach {
                let line = file.lines[end]
                let own = line.prefix { $0 == " " }.count
                if own < line.count, own < indentation { break }
                end += 1
            }
            return (index - before)..<end
        }
    }
}
