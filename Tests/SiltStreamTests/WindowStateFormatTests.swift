import Foundation
import SiltBytes
import SiltStream
import Testing

/// The worked example of docs/format/window-state.md.
@Suite struct WindowStateFormatTests {
    @Test("the example of the page is what an operator encodes, and is restored")
    func example() throws {
        let driver = StreamDriver(
            windows: [WindowSpec(name: "w", .tumbling(sizeMilliseconds: 10))],
            aggregates: [
                AggregateSpec(name: "n", .count), AggregateSpec(name: "s", .sum, column: 0),
            ], watermark: WatermarkSpec(outOfOrderMilliseconds: 5))
        let state = try driver.run([
            .event(ts: 12, key: "b", values: [.int(-2)]),
            .event(ts: 13, key: "a", values: [.double(0.5)]),
        ]).state
        let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(
            contentsOf: root.appendingPathComponent("docs/format/window-state.md"), encoding: .utf8)
        let hex = page.split(separator: "\n").compactMap { line in
            line.split(separator: "|").first.flatMap { cell in
                line.first?.isHexDigit == true && line.contains(" | ")
                    ? cell.filter { !$0.isWhitespace } : nil
            }
        }.joined()
        #expect(hex == Hex.encode(state), "\(Hex.encode(state))")
        var stream = try driver.makeOperator()
        try stream.restore(try #require(Hex.decode(hex)))
        #expect(stream.watermark == 7)
        #expect(stream.openSlotCount == 2)
    }
}
