import Foundation
import SiltCodec
import SiltIO
import SiltModel
import Testing

@testable import SiltIngest

@Suite("Copies of tailed files") struct TailCopyTests {
    private func lines(_ tail: TailBench, _ count: Int, from ts: Int = 1000) -> [UInt8] {
        (0..<count).flatMap { tail.line(ts + $0) }
    }

    /// Runs with the steps in one go, or stopped after each.
    private func run(_ tail: TailBench, _ isStopped: Bool, _ steps: [() -> Void]) throws {
        if !isStopped {
            try tail.run(polls: 40, steps)
            return
        }
        try tail.run()
        for step in steps {
            step()
            try tail.run(polls: 14)
        }
        try tail.run(polls: 40)
    }

    @Test(
        "a copy that is shorter than what was read is not read, whatever becomes of the original",
        arguments: [true, false])
    func short(isStopped: Bool) throws {
        let tail = try TailBench()
        let many = lines(tail, 20)
        let packed = try #require(GzipWriter.compress(Array(many.prefix(many.count / 2))))
        tail.files.replace("d/app.log", many)
        try run(
            tail, isStopped,
            [
                { tail.files.replace("d/app.bak", lines(tail, 10)) },
                { tail.files.replace("d/app.half.gz", packed) }, {}, {},
                { tail.files.append("d/app.log", tail.line(5000)) }, {},
                { tail.files.replace("d/app.log", tail.line(7000)) }, {},
                { tail.files.remove("d/app.log") },
                { tail.files.replace("d/app.log", tail.line(20_000)) },
            ])
        #expect(try tail.rows() == ["a#0 w:n@9999=22", "a#0 w:s@9999=22"])
    }

    @Test(
        "a copy that is being written is not read, and in its place what the original had more",
        arguments: [true, false])
    func growing(isStopped: Bool) throws {
        let tail = try TailBench()
        let many = lines(tail, 20)
        let more = tail.line(5000) + tail.line(5001)
        tail.files.replace("d/app.log", many)
        try run(
            tail, isStopped,
            [
                { tail.files.replace("d/app.log.1", Array(many.prefix(200))) },
                { tail.files.append("d/app.log.1", Array(many[200..<300])) },
                {
                    tail.files.append("d/app.log.1", Array(many[300...]) + more)
                    tail.files.replace("d/app.log", tail.line(20_000))
                },
            ])
        #expect(try tail.rows() == ["a#0 w:n@9999=22", "a#0 w:s@9999=22"])
    }

    @Test(
        "a copy that is being compressed is not read, and neither is what follows its original before it",
        arguments: [true, false])
    func packing(isStopped: Bool) throws {
        let tail = try TailBench()
        let first = lines(tail, 20)
        let packed = try #require(GzipWriter.compress(first + tail.line(1500)))
        tail.files.replace("d/app.log", first)
        try run(
            tail, isStopped,
            [
                { tail.files.rename("d/app.log", to: "d/app.log.1") },
                { tail.files.replace("d/app.log.1.gz", Array(packed.prefix(60))) },
                {}, {}, {}, {},
                {
                    tail.files.append("d/app.log.1", tail.line(1500))
                    tail.files.replace("d/app.log.1.gz", packed)
                    tail.files.remove("d/app.log.1")
                    tail.files.replace("d/app.log", tail.line(20_000))
                },
            ])
        #expect(try tail.rows() == ["a#0 w:n@9999=21", "a#0 w:s@9999=21"])
        #expect(try JobBench.dump(tail.store, "late").isEmpty)
        #expect(try JobBench.dump(tail.store, "bad").isEmpty)
    }

    @Test("a copy that goes on where its original ends is read on from there")
    func goesOn() throws {
        let tail = try TailBench()
        tail.files.replace("d/app.log", lines(tail, 20))
        try tail.run([
            { tail.files.replace("d/app.new", lines(tail, 20) + tail.line(3000)) }, {},
            { tail.files.append("d/app.new", tail.line(4000) + tail.line(20_000)) },
        ])
        #expect(try tail.rows() == ["a#0 w:n@9999=22", "a#0 w:s@9999=22"])
    }

    @Test("files that only begin alike are both read")
    func alike() throws {
        let tail = try TailBench()
        tail.files.replace("d/app1", tail.line(1000) + tail.line(2000))
        try tail.run([
            { tail.files.replace("d/app2", tail.line(1000)) }, {},
            { tail.files.append("d/app2", tail.line(3000) + tail.line(20_000)) },
            { tail.files.append("d/app1", tail.line(20_000)) },
        ])
        #expect(try tail.rows() == ["a#0 w:n@9999=4", "a#0 w:s@9999=4"])
    }

    @Test("when nothing comes of any file, all windows up to the last event are written")
    func allIdle() throws {
        let tail = try TailBench()
        tail.files.replace("d/app1", tail.line(1000) + tail.line(35_000))
        tail.files.replace("d/app2", tail.line(2000, "b"))
        try tail.run(polls: 160)
        #expect(
            try tail.rows() == [
                "a#0 w:n@9999=1", "a#0 w:s@9999=1", "b#0 w:n@9999=1", "b#0 w:s@9999=1",
            ])
    }

    /// What happens to a log, a step at a time: it grows, is renamed and compressed, copied and cut.
    private struct Life {
        let tail: TailBench
        var random: SplitMix
        var written = 0
        var time = 0
        var archives = 0
        /// The end of what was begun.
        var rest: (() throws -> Void)?

        private func content(_ name: String) throws -> [UInt8] {
            guard let file = try? tail.files.open(name) else { return [] }
            var bytes: [UInt8] = []
            _ = try file.read(1 << 20, at: 0, into: &bytes)
            return bytes
        }

        mutating func grow() {
            for _ in 0..<(random.next() % 20) {
                time += Int(random.next() % 700)
                written += 1
                tail.files.append("d/app.log", tail.line(time, "k\(written)"))
            }
        }

        mutating func goOn() throws {
            if let rest {
                try rest()
                self.rest = nil
                return
            }
            archives += 1
            let tail = tail
            let archive = "d/app.log.\(archives)"
            let bytes = try content("d/app.log")
            let half = Array(bytes.prefix(bytes.count / 2))
            if bytes.isEmpty { return }
            switch random.next() % 4 {
            case 0: tail.files.rename("d/app.log", to: archive)
            case 1:
                tail.files.replace(archive, bytes)
                tail.files.replace("d/app.log", [])
            case 2:
                tail.files.replace(archive, half)
                let life = self
                rest = {
                    tail.files.replace(archive, try life.content("d/app.log"))
                    tail.files.replace("d/app.log", [])
                }
            default:
                tail.files.rename("d/app.log", to: archive)
                let packed = GzipWriter.compress(bytes) ?? []
                tail.files.replace(archive + ".gz", Array(packed.prefix(packed.count / 2)))
                rest = {
                    tail.files.replace(archive + ".gz", packed)
                    tail.files.remove(archive)
                }
            }
        }
    }

    @Test("stops anywhere, with all that can happen to files between, lose and repeat nothing")
    func stops() throws {
        let first = UInt64(ProcessInfo.processInfo.environment["SILT_SEED"] ?? "") ?? 1
        for seed in first..<first + 40 {
            let tail = try TailBench(["late": "\"merge\""])
            tail.blockBytes = 100
            var life = Life(tail: tail, random: SplitMix(seed: seed))
            for _ in 0..<80 {
                switch life.random.next() % 8 {
                case 0..<3: life.grow()
                case 3..<5: try life.goOn()
                default:
                    let polls = life.random.next() % 4 == 0 ? 12 : 1
                    try tail.run(
                        polls: polls, stopAfterBlocks: Int(life.random.next() % 12) + 1)
                }
            }
            try life.rest?()
            try tail.run(polls: 5)
            tail.files.append("d/app.log", tail.line(life.time + 100_000, "end"))
            let summary = try tail.run(polls: 200)
            #expect(try tail.counted() == life.written, "seed=\(seed) \(summary.json.text)")
        }
    }
}
