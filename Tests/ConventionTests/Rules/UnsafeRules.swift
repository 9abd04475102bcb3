/// Unsafe code stands in few files, and each use says which fact it relies on.
enum UnsafeRules {
    /// The files that may touch raw memory. Everything else is safe Swift.
    static let files: Set<String> = []

    /// A `// Safety:` comment speaks for the rest of the block that it stands in, but for no more
    /// lines than this.
    static let reach = 60

    private static func isTrigger(_ word: Substring) -> Bool {
        word == "unsafe" || word == "unchecked" || word == "Unmanaged" || word.hasPrefix("Unsafe")
            || word.hasPrefix("withUnsafe")
    }

    static func violations(in file: SourceFile, allowed: Set<String>) -> [String] {
        guard file.words.contains(where: isTrigger) else { return [] }
        var found: [String] = []
        var reasons: [(index: Int, indentation: Int)] = []
        var isOutside = false
        for index in file.code.indices {
            let text = file.lines[index]
            let indentation = text.prefix { $0 == " " }.count
            if text.count > indentation { reasons.removeAll { $0.indentation > indentation } }
            if text.contains("// Safety:") { reasons.append((index, indentation)) }
            let line = file.code[index]
            guard line.contains("nsafe") || line.contains("unchecked") || line.contains("Unmanaged")
            else {
                continue
            }
            if !isOutside, !allowed.contains(file.path),
                line.contains(
                    /\bunsafe\b|\bUnsafe\w+|\bwithUnsafe\w+|\bUnmanaged\b/.wordBoundaryKind(.simple)
                )
            {
                isOutside = true
                found.append("\(file.place(index)): unsafe code outside the listed files")
            }
            if line.contains(
                /\bunsafe [^,)]|@unchecked Sendable|nonisolated\(unsafe\)/.wordBoundaryKind(.simple)
            ),
                !reasons.contains(where: { index - $0.index <= reach })
            {
                found.append(
                    "\(file.place(index)): no `// Safety:` comment names the fact relied on")
            }
        }
        return found
    }
}
