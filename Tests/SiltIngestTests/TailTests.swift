import SiltCodec
import SiltIO
import SiltModel
import Testing

@testable import SiltIngest

@Suite("Tailed files") struct TailTests {
    @Test("growth is followed, and a last line waits for its newline, also over a stop")
    func growth() throws {
        let tail = try TailBench()
        tail.files.replace("d/app.log", tail.line(1000) + tail.line(2000).dropLast(5))
        var summary = try tail.run()
        #expect(summary.records == 1 && summary.outcome == .stopped)
        tail.files.append("d/app.log", Array(tail.line(2000).suffix(5)))
        summary = try tail.run([{ tail.files.append("d/app.log", tail.line(12_000)) }])
        #expect(summary.records == 3 && summary.isResumed)
        #expect(try tail.rows() == ["a#0 w:n@9999=2", "a#0 w:s@9999=2"])
        #expect(try JobBench.dump(tail.store, "bad").isEmpty)
    }

    @Test("a file that is renamed is read to its end, and the one that takes its name after it")
    func rotation() throws {
        let tail = try TailBench()
        tail.files.replace("d/app.log", tail.line(1000))
        try tail.run([
            {
                tail.files.append("d/app.log", tail.line(2000))
                tail.files.rename("d/app.log", to: "d/app.log.1")
                tail.files.replace("d/app.log", tail.line(3000))
                // The writer has it open still.
                tail.files.append("d/app.log.1", tail.line(2500))
            },
            { tail.files.append("d/app.log", tail.line(20_000)) },
        ])
        #expect(try tail.rows().contains("a#0 w:n@9999=4"))
        // Renamed to what the pattern does not mean, while nobody looks.
        tail.files.append("d/app.log", tail.line(21_000))
        tail.files.rename("d/app.log", to: "d/old")
        tail.files.replace("d/app.log", tail.line(22_000) + tail.line(40_000))
        let summary = try tail.run()
        #expect(try tail.rows().contains("a#20000 w:n@29999=3"))
        #expect(summary.late == 0)
    }

    @Test("a file that is removed while it is open is read to its end, its last line too")
    func removed() throws {
        let tail = try TailBench()
        tail.files.replace("d/app.log", tail.line(1000))
        let summary = try tail.run(
            polls: 30,
            [
                {
                    tail.files.append("d/app.log", tail.line(2000).dropLast())
                    tail.files.remove("d/app.log")
                }
            ])
        #expect(summary.records == 2)
        tail.files.replace("d/app.log", tail.line(3000) + tail.line(12_000))
        try tail.run()
        #expect(try tail.rows().contains("a#0 w:n@9999=3"))
    }

    @Test(
        "a file that is cut begins again, and what was not read of it is found in the copy",
        arguments: [true, false])
    func cut(isStopped: Bool) throws {
        let tail = try TailBench()
        let many = (0..<20).flatMap { tail.line(1000 + $0) }
        tail.files.replace("d/app.log", many)
        let steps: [() -> Void] = [
            {
                // A copy, as made before the file is cut; it is not to be read as long as the file is whole.
                tail.files.replace("d/app.log.1", many + tail.line(5000))
                tail.files.append("d/app.log", tail.line(5000))
            }, {}, {},
            {
                tail.files.append("d/app.log", tail.line(6000))
                tail.files.replace("d/app.log.1", many + tail.line(5000) + tail.line(6000))
                tail.files.replace("d/app.log", tail.line(7000))
            },
            { tail.files.append("d/app.log", tail.line(20_000)) },
        ]
        if isStopped {
            for step in steps {
                step()
                try tail.run()
            }
        } else {
            try tail.run(steps)
        }
        #expect(try tail.rows().contains("a#0 w:n@9999=23"))
        // Cut and grown beyond what it was, between two looks.
        tail.files.replace("d/app.log", (0..<30).flatMap { tail.line(21_000 + $0) })
        try tail.run([{ tail.files.append("d/app.log", tail.line(40_000)) }])
        #expect(try tail.rows().contains("a#20000 w:n@29999=31"))
    }

    @Test("what was read is not read again out of a compressed copy; what was not, is")
    func compressed() throws {
        let tail = try TailBench()
        let first = (0..<40).flatMap { tail.line(1000 + $0) }
        tail.files.replace("d/app.log", first)
        try tail.run(
            polls: 40,
            [
                {
                    tail.files.rename("d/app.log", to: "d/app.log.1")
                    tail.files.replace("d/app.log", tail.line(3000))
                },
                { tail.files.replace("d/app.log.2.gz", GzipWriter.compress(first) ?? []) },
                { tail.files.remove("d/app.log.1") },
            ])
        // While nobody looks, more comes, and all is renamed and compressed.
        let second = tail.line(3000) + tail.line(4000)
        tail.files.remove("d/app.log")
        tail.files.replace("d/app.log.1.gz", GzipWriter.compress(second) ?? [])
        tail.files.replace("d/app.log", tail.line(5000) + tail.line(20_000))
        // One that nobody has seen before is read, even if it begins like another.
        tail.files.replace(
            "d/app-other.gz",
            GzipWriter.compress(tail.line(20_001, "b") + tail.line(20_002, "b")) ?? [])
        try tail.run(polls: 40)
        try tail.run(polls: 40, [{ tail.files.append("d/app.log", tail.line(50_000)) }])
        let rows = try tail.rows()
        #expect(rows.contains("a#0 w:n@9999=43"))
        #expect(rows.contains("b#20000 w:n@29999=2"))
        #expect(rows.contains("a#20000 w:n@29999=1"))
    }

    @Test("a damaged compressed file costs only itself")
    func damaged() throws {
        let tail = try TailBench()
        let packed = try #require(GzipWriter.compress((0..<99).flatMap { tail.line(1000 + $0) }))
        tail.files.replace("d/app.1.gz", Array(packed.dropLast(9)))
        tail.files.replace("d/app.log", tail.line(1000) + tail.line(20_000))
        let summary = try tail.run(polls: 30)
        #expect(summary.bad > 0 && summary.records > 90)
        let bad = try JobBench.dump(tail.store, "bad")
        #expect(bad.contains { $0.contains("e:reason") && $0.contains("too early") })
        #expect(try tail.run(polls: 30).bad == summary.bad)
    }

    @Test("each file has its watermark; one without events for long holds nobody back")
    func idle() throws {
        let tail = try TailBench([
            "time": #"{"field": "ts", "out_of_order": "0s", "idle": "10s"}"#
        ])
        tail.files.replace("d/app1", tail.line(1000))
        tail.files.replace("d/app2", tail.line(20_000, "b") + tail.line(35_000, "b"))
        try tail.run(polls: 5)
        #expect(try tail.rows().isEmpty)
        // Older than what the other file said, but not late.
        try tail.run(polls: 5, [{ tail.files.append("d/app1", tail.line(2000)) }])
        try tail.run(polls: 60)
        #expect(
            try tail.rows() == [
                "a#0 w:n@9999=2", "a#0 w:s@9999=2", "b#20000 w:n@29999=1",
                "b#20000 w:s@29999=1",
            ])
        #expect(try JobBench.dump(tail.store, "late").isEmpty)
    }

    @Test("columns of every file are those of its own header, also after a stop within it")
    func headers() throws {
        let tail = try TailBench([
            "source": #"{"file": "d/app*", "format": "csv", "tail": true}"#
        ])
        tail.blockBytes = 8
        tail.files.replace("d/app.csv", Array("ts,k,v\n1000,a,1\n".utf8))
        try tail.run()
        tail.files.append("d/app.csv", Array("2000,\"a\",2\n3000,\"".utf8))
        try tail.run()
        tail.files.append("d/app.csv", Array("a\",3\n".utf8))
        try tail.run([
            {
                tail.files.rename("d/app.csv", to: "d/app.csv.1")
                tail.files.replace("d/app.csv", Array("v,ts,k\n4,4000,a\n9,30000,a\n".utf8))
            }
        ])
        #expect(try tail.rows() == ["a#0 w:n@9999=4", "a#0 w:s@9999=10"])
        #expect(try JobBench.dump(tail.store, "bad").isEmpty)
    }
}
