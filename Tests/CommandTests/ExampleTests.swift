import Foundation
import Testing

@Suite("The examples of README.md and the articles")
struct ExampleTests {
    @Test("every example compiles and prints what the text says")
    func examples() throws {
        let script = Program.root.appendingPathComponent("scripts/run-examples")
        let outcome = try Program.run(script, [])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let counts = outcome.output.split(separator: " ").compactMap { Int($0) }
        #expect(outcome.output.hasSuffix("examples print what the text says\n"))
        #expect(counts.count == 2 && counts.first == counts.last && counts[0] >= 9)
    }
}
