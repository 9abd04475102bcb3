import Foundation

/// Pages: their links resolve, and every persisted format has one.
enum PageRules {
    /// The formats that reach a disk.
    static let formats = ["log", "block", "filter", "table", "manifest", "schema", "checkpoint"]

    /// The targets of the links of a page: `[text](target)`, outside code.
    static func links(in page: String) -> [String] {
        var isCode = false
        var found: [String] = []
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.drop(while: { $0 == " " }).hasPrefix("```") { isCode.toggle() }
            if isCode { continue }
            let text = line.replacing(/`[^`]*`/, with: "")
            found += text.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) }
        }
        return found
    }

    /// The links of a page that lead nowhere within the repository.
    static func brokenLinks(of path: String, text: String, exists: (String) -> Bool) -> [String] {
        links(in: text).compactMap { link in
            if link.contains("://") || link.hasPrefix("mailto:") { return nil }
            let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            if parts[0].isEmpty { return nil }
            return exists(resolve(String(parts[0]), from: path))
                ? nil : "\(path): \(link) leads nowhere"
        }
    }

    /// A link's path below the root, `..` and `.` taken out.
    static func resolve(_ link: String, from page: String) -> String {
        var parts = page.split(separator: "/").dropLast().map(String.init)
        for part in link.split(separator: "/") {
            if part == ".." {
                _ = parts.popLast()
            } else if part != "." {
                parts.append(String(part))
            }
        }
        return parts.joined(separator: "/")
    }

    /// The pages of docs/format that a source names.
    static func formatPages(namedIn file: SourceFile) -> Set<String> {
        guard file.text.range(of: "docs/format/") != nil else { return [] }
        return Set(file.text.matches(of: /docs\/format\/([\w-]+\.md)/).map { String($0.1) })
    }
}
