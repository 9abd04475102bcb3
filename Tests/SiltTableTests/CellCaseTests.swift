import Foundation
import SiltModel
import Testing

@Suite("Neutral cases about cells")
struct CellCaseTests {
    /// The case file, when the shared material is there.
    static let path: String? = {
        let shared =
            ProcessInfo.processInfo.environment["SILT_SHARED"]
            ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("shared").path
        let path = shared + "/conformance/cells/cases.jsonl"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    /// Cases whose answer differs on purpose: see docs on markers at equal time stamps.
    static let knownDifferences: Set<String> = []

    @Test("every case that needs no filter agrees", .enabled(if: path != nil))
    func casesAgree() throws {
        let path = try #require(Self.path)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        var ran = 0
        var checks = 0
        var skipped = 0
        var differing: [String] = []
        for line in text.split(separator: "\n") {
            var item = CellCase(try JSONValue(parsing: Array(line.utf8)))
            do {
                let differences = try item.run()
                if !differences.isEmpty, !Self.knownDifferences.contains(item.id) {
                    differing += differences
                }
                ran += 1
                checks += item.checkCount
            } catch is CellCase.Unsupported {
                skipped += 1
            }
        }
        print("cell cases: ran \(ran), checks \(checks), skipped \(skipped)")
        for difference in differing.prefix(40) { print(difference) }
        #expect(differing.isEmpty)
        #expect(ran >= 40)
    }
}
