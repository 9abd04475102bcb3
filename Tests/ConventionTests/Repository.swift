import Foundation

/// The files of the package that the rules are held against, read once.
enum Repository {
    /// The folder of Package.swift.
    static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// All Swift files of Sources and Tests.
    static let swiftFiles: [SourceFile] = paths(below: ["Sources", "Tests"], suffix: ".swift").map {
        SourceFile(path: $0, text: text($0))
    }

    /// The Swift files of the products.
    static let productFiles = swiftFiles.filter(\.isProduct)

    /// All pages: those in docs and data, and those at the top.
    static let pages: [String] =
        paths(below: ["docs", "data", "Benchmarks"], suffix: ".md")
        + ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].filter(exists)

    /// Whether a path below the root exists.
    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
    }

    /// The text of a file; a file that cannot be read gives none, and the rule that wants it fails.
    static func text(_ path: String) -> String {
        (try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)) ?? ""
    }

    /// The paths below some folders that end in `suffix`, in order.
    static func paths(below folders: [String], suffix: String) -> [String] {
        folders.flatMap { folder -> [String] in
            let found = FileManager.default.enumerator(
                atPath: root.appendingPathComponent(folder).path)
            let names = found?.compactMap { $0 as? String } ?? []
            return names.filter { $0.hasSuffix(suffix) && !$0.contains(".build/") }.map {
                "\(folder)/\($0)"
            }
        }.sorted()
    }
}
