import Foundation
import Testing

@Suite("README.md")
struct ReadmeTests {
    @Test("the embedded example compiles and does what the text says")
    func example() throws {
        let script = Program.root.appendingPathComponent("scripts/run-readme-example")
        let outcome = try Program.run(script, [])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output == "user#42 Ada Zürich\n")
        let text = try String(
            contentsOf: Program.root.appendingPathComponent("README.md"), encoding: .utf8)
        #expect(text.contains("It prints `user#42 Ada Zürich`."))
    }
}
