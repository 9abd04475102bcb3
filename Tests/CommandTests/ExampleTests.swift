import Foundation
import Testing

@Suite("The examples of README.md and the articles")
struct ExampleTests {
    @Test("every example compiles and prints what the text says")
    func examples() throws {
        let script = Program.root.appendingPathComponent("scripts/run-examples")
        let outcome = try Program.run(script, [])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output == "8 of 8 examples print what the text says\n")
    }
}
