import Testing

/// The rules themselves: each must find what it forbids, or the conventions hold nothing.
@Suite("The rules find what they forbid")
struct RuleTests {
    private func file(_ path: String, _ text: String) -> SourceFile {
        SourceFile(path: path, text: text)
    }

    @Test("comments and strings are not code, interpolations are")
    func codeOnly() {
        let text = """
            let a = "print(1) \\(print(2))" // print(3)
            /* print(4) /* print(5) */ print(6) */ let b = #"print(7) \\#(print(8))"#
            """
        let code = CodeOnly.blank(text)
        #expect(code.matches(of: /print\((\d)\)/).map { $0.1 } == ["2", "8"])
        #expect(code.split(separator: "\n").count == 2)
    }

    @Test(
        "a forbidden import is found",
        arguments: [
            "import SiltLSM", "package import SiltTable", "import Foundation", "import Glibc",
            "internal import struct NIOCore.ByteBuffer", "@_exported import SiltIngest",
        ])
    func imports(line: String) {
        #expect(ImportGraph.violations(in: file("Sources/SiltFormat/A.swift", line)).count == 1)
        #expect(
            ImportGraph.violations(in: file("Sources/SiltFormat/A.swift", "import SiltBytes")) == []
        )
        #expect(
            ImportGraph.violations(in: file("Sources/SiltIO/PosixA.swift", "import Glibc")) == [])
        #expect(ImportGraph.violations(in: file("Sources/Unknown/A.swift", "")).count == 1)
    }

    @Test("the graph of a package file is read")
    func package() {
        let text = """
            module("A", ["B", .product(name: "C", package: "c-d")]),
            .executableTarget(
                name: "e", dependencies: ["A"])
            """
        #expect(ImportGraph.declared(in: text) == ["A": ["B", "C"], "e": ["A"]])
    }

    @Test("public is found where it may not be")
    func access() {
        let text =
            "public struct A {}\n// public here\npackage struct B {}\npublic import SiltBytes"
        #expect(
            DeclarationRules.accessViolations(in: file("Sources/SiltLSM/A.swift", text)).count == 2)
        #expect(
            DeclarationRules.accessViolations(in: file("Sources/SiltModel/A.swift", text)) == [])
    }

    @Test("long files and functions are found, requirements and calls are not functions")
    func sizes() {
        let long = "func f() {\n" + String(repeating: "    g()\n", count: 69) + "}\n"
        #expect(SizeRules.violations(in: file("Sources/SiltLSM/A.swift", long)).count == 1)
        let fits = "func f() {\n" + String(repeating: "    g()\n", count: 68) + "}\n"
        #expect(SizeRules.violations(in: file("Sources/SiltLSM/A.swift", fits)) == [])
        let huge = String(repeating: "\n", count: 601)
        #expect(SizeRules.violations(in: file("Sources/SiltLSM/A.swift", huge)).count == 1)
        let protocolText = """
            protocol P {
                func f(_ a: (Int) -> Void) throws(E) -> Int
                init(a: Int)
            }
            extension P { func g(_ body: () -> Void = {}) where Self: Q { self.init(a: 1) } }
            """
        #expect(SizeRules.functions(in: file("Sources/SiltLSM/A.swift", protocolText)) == [4...4])
    }

    @Test("unsafe code is found outside its files and without its reason")
    func unsafe() {
        let bare = "let a = unsafe pointer.load(as: Int.self)"
        let reasoned = "// Safety: the pointer covers the buffer\n" + bare
        let path = "Sources/SiltLSM/A.swift"
        #expect(UnsafeRules.violations(in: file(path, reasoned), allowed: []).count == 1)
        #expect(UnsafeRules.violations(in: file(path, bare), allowed: [path]).count == 1)
        #expect(UnsafeRules.violations(in: file(path, reasoned), allowed: [path]) == [])
        #expect(
            UnsafeRules.violations(in: file(path, "f(_ a: UnsafeRawPointer)"), allowed: []).count
                == 1)
        let ended = "func f() {\n    // Safety: ended\n}\n" + bare
        #expect(UnsafeRules.violations(in: file(path, ended), allowed: [path]).count == 1)
        let far = "// Safety: far\n" + String(repeating: "\n", count: 70) + bare
        #expect(UnsafeRules.violations(in: file(path, far), allowed: [path]).count == 1)
        let unchecked = "final class A: @unchecked Sendable {}"
        #expect(UnsafeRules.violations(in: file(path, unchecked), allowed: [path]).count == 1)
    }

    @Test(
        "banned calls are found",
        arguments: [
            "let now = Date()", "ContinuousClock().now", "Int.random(in: 0..<3)", "list.shuffled()",
            "usleep(3)", "try await Task.sleep(for: .seconds(1))", "print(\"x\")",
            "FileManager.default",
            "func f() async {}", "Task { }", "try! f()", "fatalError()", "UUID()", "a as! B",
        ])
    func calls(line: String) throws {
        #expect(try BannedCalls.violations(in: file("Sources/SiltLSM/A.swift", line)) != [])
    }

    @Test(
        "what only looks like a banned call is not",
        arguments: [
            "// print(1)", "footprint(1)", "self.print(1)", "Int.random(in: 0..<3, using: &random)",
            "let asyncWAL = 1", "clock.nowMilliseconds", "TaskBoard()", "case actor(Int)",
        ])
    func harmless(line: String) throws {
        #expect(try BannedCalls.violations(in: file("Sources/SiltLSM/A.swift", line)) == [])
    }

    @Test("empty names, unfinished work and undocumented declarations are found")
    func declarations() {
        let path = "Sources/SiltLSM/A.swift"
        #expect(DeclarationRules.nameViolations(in: file(path, "struct LogManager {}")).count == 1)
        #expect(DeclarationRules.nameViolations(in: file(path, "struct Log {}")) == [])
        let mark = "TO" + "DO"
        #expect(
            DeclarationRules.unfinishedViolations(in: file(path, "// \(mark) later")).count == 1)
        let bare = "package struct A {\n    /// B.\n    @inlinable\n    package var b = 1\n}"
        #expect(DeclarationRules.documentationViolations(in: file(path, bare)).count == 1)
        #expect(DeclarationRules.documentationViolations(in: file(path, "/// A.\n" + bare)) == [])
        #expect(DeclarationRules.documentationViolations(in: file(path, "package import B")) == [])
    }

    @Test("broken links are found")
    func links() {
        let page = "[a](b.md) [c](../d.md#x) `[e](f.md)` [g](https://h) [i](#j)\n```\n[k](l)\n```\n"
        let broken = PageRules.brokenLinks(of: "docs/format/a.md", text: page) { $0 == "docs/d.md" }
        #expect(broken == ["docs/format/a.md: b.md leads nowhere"])
        let source = file(
            "Sources/SiltFormat/A.swift", "/// Part of the format: docs/format/a-b.md.")
        #expect(PageRules.formatPages(namedIn: source) == ["a-b.md"])
    }
}
