/// Which module may import which.
///
/// The table is the truth; Package.swift must say the same.
enum ImportGraph {
    private static let below4: Set<String> = ["SiltModel", "SiltBytes", "CSiltstone"]
    private static let nio: Set<String> = ["NIOCore", "NIOPosix", "NIOHTTP1"]

    /// The modules of this package and of others that each module may import.
    static let allowed: [String: Set<String>] = [
        "SiltBytes": ["CSiltstone"],
        "SiltModel": ["SiltBytes"],
        "SiltIO": below4,
        "SiltCodec": below4.union(["CLZ4", "CZlib", "CZstd"]),
        "SiltFormat": below4.union(["SiltCodec"]),
        "SiltLSM": below4.union(["SiltFormat", "SiltCodec", "SiltIO"]),
        "SiltStream": ["SiltModel", "SiltBytes"],
        "SiltTable": ["SiltLSM", "SiltFormat", "SiltIO", "SiltModel", "SiltBytes"],
        "SiltIngest": [
            "SiltStream", "SiltTable", "SiltFormat", "SiltCodec", "SiltIO", "SiltModel",
            "SiltBytes", "CSiltstone",
        ],
        "Siltstone": ["SiltIngest", "SiltTable", "SiltStream", "SiltIO", "SiltModel", "SiltBytes"],
        "SiltKafka": ["SiltIngest", "SiltModel", "CRdKafka"],
        "SiltTLS": ["SiltModel", "COpenSSL", "NIOCore"],
        "SiltWebHDFS": nio.union(["SiltIngest", "SiltIO", "SiltModel", "SiltBytes"]),
        "SiltstoneServer": nio.union([
            "Siltstone", "SiltIngest", "SiltTable", "SiltLSM", "SiltCodec", "SiltIO", "SiltModel",
            "SiltBytes", "SiltTLS", "Yams",
        ]),
        "SiltstoneTesting": [
            "Siltstone", "SiltTable", "SiltLSM", "SiltFormat", "SiltIO", "SiltModel", "SiltBytes",
        ],
        "silt": nio.union([
            "SiltstoneServer", "Siltstone", "SiltKafka", "SiltWebHDFS", "SiltIngest", "SiltTable",
            "SiltLSM", "SiltFormat", "SiltCodec", "SiltIO", "SiltModel", "SiltBytes", "SiltTLS",
            "ArgumentParser",
        ]),
        "silt-conformance": [
            "Siltstone", "SiltTable", "SiltStream", "SiltLSM", "SiltIO", "SiltModel", "SiltBytes",
        ],
    ]

    /// Parts of the standard library, allowed everywhere.
    static let standard: Set<String> = ["Swift", "Synchronization"]

    /// The modules that may use Foundation.
    static let foundationModules: Set<String> = ["SiltstoneServer", "silt"]

    /// What the imports of a product's file break.
    static func violations(in file: SourceFile) -> [String] {
        guard let mayImport = allowed[file.module] else {
            return ["\(file.path): module \(file.module) is not in the graph"]
        }
        return file.lines(with: ["import"]).compactMap { index -> String? in
            guard let name = importedModule(file.code[index]) else { return nil }
            if standard.contains(name) || mayImport.contains(name) { return nil }
            if name.hasPrefix("Foundation") || name == "Dispatch",
                foundationModules.contains(file.module)
            {
                return nil
            }
            if name == "Glibc" || name == "Musl", mayUseSystemCalls(file) { return nil }
            return "\(file.place(index)): \(file.module) may not import \(name)"
        }
    }

    /// System calls stand in SiltIO's Posix files, and above the library for sockets, signals and terminals.
    static func mayUseSystemCalls(_ file: SourceFile) -> Bool {
        file.module == "SiltIO" && file.name.hasPrefix("Posix")
            || foundationModules.contains(file.module) || file.isProgram
    }

    /// The module that a line imports, if it does.
    static func importedModule(_ line: String) -> String? {
        let words = line.split(separator: " ")
        guard let at = words.firstIndex(of: "import"), at + 1 < words.count,
            words[..<at].allSatisfy({
                $0.hasPrefix("@") || ["public", "package", "internal"].contains($0)
            })
        else { return nil }
        var rest = words[(at + 1)...]
        if let kind = rest.first,
            ["struct", "class", "enum", "func", "protocol", "var"].contains(kind)
        {
            rest = rest.dropFirst()
        }
        return rest.first?.split(separator: ".").first.map(String.init)
    }

    /// The dependencies that Package.swift declares for each module made by `module(…)`.
    static func declared(in package: String) -> [String: Set<String>] {
        var result: [String: Set<String>] = [:]
        for match in package.matches(
            of: /(?:module\(|\.executableTarget\()\s*(?:name:\s*)?"([\w-]+)",/)
        {
            var depth = 1
            var end = match.range.upperBound
            while end < package.endIndex, depth > 0 {
                if package[end] == "(" { depth += 1 }
                if package[end] == ")" { depth -= 1 }
                end = package.index(after: end)
            }
            let body = package[match.range.upperBound..<end].replacing(
                /package: "[\w-]+"/, with: "")
            result[String(match.1)] = Set(body.matches(of: /"(\w+)"/).map { String($0.1) })
        }
        return result
    }
}
