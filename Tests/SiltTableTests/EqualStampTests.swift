import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Testing

@Suite("Equal time stamps") struct EqualStampTests {
    /// More writes than stamps may run ahead of the clock: from then on all get the same.
    private static let aheadCount = 1_002

    @Test(
        "Of writes that share one time stamp the last is read, wherever they lie", arguments: 1...3)
    func lastWins(seed: UInt64) throws {
        let harness = try TableHarness()
        let table = try harness.store.createTable(
            TableDefinition("t", families: [Family("f", blockBytes: 1_024)]))
        for _ in 0..<Self.aheadCount { try table.write([.put("z", "f:q", "0")]) }
        let stamp = try #require(try table.get("z")?.cells.first?.timestamp)
        let random = SeededRandom(seed: seed)
        var model: [Bytes: Bytes] = ["z": "0"]
        var foundCount = 0
        for step in 0..<1_500 {
            let row = Bytes("row\(10 + random.next(below: 40))")
            // A deletion now and then right before or after a put of the same row.
            for _ in 0..<(1 + random.next(below: 2)) {
                if random.next(below: 4) == 0 {
                    try table.write([.marker(row, "f:q", .deleteColumn)])
                    model[row] = nil
                } else {
                    let value = Bytes("\(step)-\(random.next(below: 1_000))")
                    try table.write([.put(row, "f:q", value)])
                    model[row] = value
                }
            }
            switch random.next(below: 120) {
            case 0..<4: try table.flush()
            case 4: try table.compactRuns()
            case 5: try table.compact()
            default: break
            }
            let wanted = Bytes("row\(10 + random.next(below: 40))")
            let cell = try table.get(wanted, .columns("f:q"))?.cells.first
            #expect(cell?.value == model[wanted], "step \(step)")
            #expect(try table.get(wanted)?.cells.first == cell)
            if let cell {
                #expect(cell.timestamp == stamp)
                foundCount += 1
            }
            guard step % 10 == 0 else { continue }
            let expected = model.sorted { $0.key < $1.key }
            for projection in [Projection.all, .columns("f:q")] {
                let rows = try table.scan(.all, projection).rest()
                #expect(rows.map(\.key) == expected.map(\.key), "step \(step)")
                #expect(rows.compactMap(\.cells.first?.value) == expected.map(\.value))
                var shown: [Bytes] = []
                try table.scan(.all, projection).forEachCell { _, _, _, value in
                    // Safety: the value is copied within the call.
                    unsafe value.withUnsafeBytes { shown.append(Bytes(unsafe [UInt8]($0))) }
                    return true
                }
                #expect(shown == expected.map(\.value))
                let back = try table.scan(RowRange(isReversed: true), projection).rest()
                #expect(back.reversed().map(\.key) == expected.map(\.key))
            }
        }
        #expect(foundCount > 500)
    }
}
