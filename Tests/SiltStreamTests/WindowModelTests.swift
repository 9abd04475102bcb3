import Foundation
import SiltStream
import Testing

/// Random streams against the plain model, split and restored at random.
@Suite struct WindowModelTests {
    static let seed = UInt64(ProcessInfo.processInfo.environment["SILT_SEED"] ?? "") ?? 7
    static let steps = Int(ProcessInfo.processInfo.environment["SILT_STEPS"] ?? "") ?? 24

    static let shapes: [[WindowSpec.Shape]] = [
        [.tumbling(sizeMilliseconds: 10)],
        [.tumbling(sizeMilliseconds: 7, offsetMilliseconds: -3)],
        [.hopping(sizeMilliseconds: 30, slideMilliseconds: 10, offsetMilliseconds: 4)],
        [.hopping(sizeMilliseconds: 10, slideMilliseconds: 3)],
        [.hopping(sizeMilliseconds: 4, slideMilliseconds: 10)],
        [.cumulate(sizeMilliseconds: 20, stepMilliseconds: 5)],
        [.session(gapMilliseconds: 6)],
        [
            .tumbling(sizeMilliseconds: 10), .tumbling(sizeMilliseconds: 60),
            .hopping(sizeMilliseconds: 20, slideMilliseconds: 10),
            .hopping(sizeMilliseconds: 3, slideMilliseconds: 8),
        ],
        [
            .session(gapMilliseconds: 3), .tumbling(sizeMilliseconds: 9),
            .session(gapMilliseconds: 8),
        ],
    ]

    @Test("random streams give what the model gives", arguments: shapes.indices)
    func random(_ index: Int) throws {
        let shapes = WindowModelTests.shapes[index]
        // Names in another order than the windows.
        let windows = shapes.enumerated().map {
            WindowSpec(name: "w\(9 - $0.offset)", $0.element)
        }
        for step in 0..<WindowModelTests.steps {
            let seed = WindowModelTests.seed &* 1000 &+ UInt64(step)
            var random = SeededGenerator(seed: seed)
            let watermark = WatermarkSpec(
                outOfOrderMilliseconds: step % 5 == 4
                    ? nil : Int64.random(in: 0...20, using: &random),
                allowedLatenessMilliseconds: step % 2 == 0 ? 0 : .random(in: 0...40, using: &random)
            )
            let items = WindowModelTests.items(&random, partitions: step % 3 == 2 ? 3 : 1)
            var model = WindowModel(windows: windows, watermark: watermark)
            for (place, item) in items.enumerated() { model.take(item, index: Int64(place)) }
            let driver = StreamDriver(
                windows: windows, aggregates: WindowModel.aggregates, watermark: watermark)
            let got = try driver.runEveryWay(items, seed: seed, limits: [[1, 4, 30][step % 3]])
            let name = "SILT_SEED=\(WindowModelTests.seed) step=\(step)"
            for (place, row) in zip(got.rows, model.result.rows).enumerated()
            where row.0 != row.1 {
                Issue.record("\(name) row \(place): got \(row.0) wanted \(row.1)")
                return
            }
            #expect(got.rows.count == model.result.rows.count, "\(name)")
            #expect(got.superseded == model.result.superseded, "\(name)")
            #expect(got.late == model.result.late, "\(name)")
            #expect(got.partial == model.result.partial, "\(name)")
            #expect(got.outside == model.result.outside, "\(name)")
        }
    }

    static func items(_ random: inout SeededGenerator, partitions: Int) -> [StreamItem] {
        var time = Int64.random(in: -200...200, using: &random)
        let keys = Int.random(in: 1...4, using: &random)
        return (0..<Int.random(in: 1...150, using: &random)).map { _ in
            time += Int64.random(in: 0...4, using: &random)
            let partition = UInt32.random(in: 0..<UInt32(partitions), using: &random)
            if Int.random(in: 0..<20, using: &random) == 0 {
                let ahead = Int.random(in: 0..<8, using: &random) == 0 ? 1000 : 5 as Int64
                return .watermark(
                    time - 30 + .random(in: 0...ahead, using: &random), partition: partition)
            }
            let value: AggregateValue =
                switch Int.random(in: 0..<6, using: &random) {
                case 0: .null
                case 1: .double(Double(Int.random(in: -8...8, using: &random)) / 4 + 0.125)
                default: .int(.random(in: -3...3, using: &random))
                }
            return .event(
                ts: time - .random(in: 0...25, using: &random),
                key: "k\(Int.random(in: 0..<keys, using: &random))", values: [value],
                partition: partition)
        }
    }
}
