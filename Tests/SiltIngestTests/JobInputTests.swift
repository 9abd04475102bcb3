import SiltBytes
import SiltCodec
import SiltIO
import SiltModel
import SiltTable
import Testing

@testable import SiltIngest

@Suite struct JobInputTests {
    private func run(
        _ bench: JobBench, _ job: JobDefinition, _ store: TableStore, _ input: JobInput,
        blocks: Int = .max
    ) throws -> JobSummary {
        var left = blocks
        return try JobRunner(
            store: store, job: job, input: input, clock: bench.clock, options: bench.options
        ).run(isCancelled: {
            left -= 1
            return left < 0
        })
    }

    private func bench(blockBytes: Int = 64) -> JobBench {
        var bench = JobBench()
        bench.options.blockBytes = blockBytes
        bench.options.checkpointBytes = 1
        return bench
    }

    @Test(
        "files of a pattern are one stream in the order of their names, each with its header, also when resumed"
    )
    func pattern() throws {
        let job = try JobBench.job([
            "source": #"{"file": "d/*.csv", "format": "csv"}"#,
            "aggregates": #"{"n": "count()", "s": "sum(v)", "l": "last(v)"}"#,
            "time": #"{"field": "ts", "unit": "s", "out_of_order": "1s"}"#,
        ])
        let files = MemoryInputFiles([
            "d/b.csv": Array("v,k,ts\n3,a,3\n4,a,14\n".utf8),
            "d/a.csv": Array("\u{feff}ts,k,v\r\n1,a,1\r\n2,\"a\",2".utf8),
            "d/c.txt": Array("no".utf8),
        ])
        for blocks in [4, 5, 6, 100] {
            let bench = bench(blockBytes: 5)
            let store = try bench.open()
            var runs = 0
            while try run(bench, job, store, JobInput(job.source, files: files), blocks: blocks)
                .outcome == .stopped
            {
                runs += 1
                if runs > 40 { break }
            }
            let got = try JobBench.dump(store, "t")
            #expect(
                got == [
                    "a#0 w:_end@9999=10000", "a#0 w:_start@9999=0", "a#0 w:l@9999=3",
                    "a#0 w:n@9999=3", "a#0 w:s@9999=6",
                    "a#10000 w:_end@19999=20000", "a#10000 w:_start@19999=10000",
                    "a#10000 w:l@19999=4", "a#10000 w:n@19999=1", "a#10000 w:s@19999=4",
                ], "blocks \(blocks)")
            #expect(try JobBench.dump(store, "bad").isEmpty)
        }
    }

    @Test("the standard input given again from its beginning goes on where it was")
    func standardInput() throws {
        let job = try JobBench.job(["source": #"{"stdin": true}"#])
        let input = JobRunnerTests.randomInput(seed: 9, count: 300)
        let reference = bench()
        let wanted = try reference.open()
        _ = try run(
            reference, job, wanted,
            JobInput(job.source, files: MemoryInputFiles(standardInput: input)))
        for block in [100, 6000] {
            let bench = bench(blockBytes: block)
            let store = try bench.open()
            var runs = 0
            while try run(
                bench, job, store,
                JobInput(job.source, files: MemoryInputFiles(standardInput: input)), blocks: 1
            ).outcome == .stopped {
                runs += 1
            }
            #expect(runs > 0)
            #expect(try JobBench.dumpAll(store) == JobBench.dumpAll(wanted))
        }
        let other = Array("{\"ts\":1}\n".utf8)
        #expect(throws: SiltstoneError.self) {
            try run(
                reference, job, wanted,
                JobInput(job.source, files: MemoryInputFiles(standardInput: other)))
        }
    }

    @Test(
        "input that changed since the checkpoint, is compressed or missing is refused and says what to do"
    )
    func refused() throws {
        let job = try JobBench.job()
        let bench = bench()
        let store = try bench.open()
        let input = JobRunnerTests.randomInput(seed: 9, count: 300)
        let files = MemoryInputFiles(["in": input])
        #expect(
            try run(bench, job, store, JobInput(job.source, files: files), blocks: 20).outcome
                == .stopped)
        files.replace("in", Array(input.prefix(100)))
        let shorter = #expect(throws: SiltstoneError.self) {
            try run(bench, job, store, JobInput(job.source, files: files))
        }
        #expect(shorter?.message.contains("shorter") == true && shorter?.code == .conflict)
        files.replace("in", [0x20] + input)
        let other = #expect(throws: SiltstoneError.self) {
            try run(bench, job, store, JobInput(job.source, files: files))
        }
        #expect(other?.message.contains("first bytes") == true)
        files.replace("in", input + Array("{\"ts\":99999999,\"k\":\"z\",\"v\":1}".utf8))
        #expect(
            try run(bench, job, store, JobInput(job.source, files: files)).outcome == .completed)
        let packed = MemoryInputFiles(["in": [0x1f, 0x8b, 8, 0, 0, 0]])
        let fresh = try self.bench().open()
        let gzip = #expect(throws: SiltstoneError.self) {
            try run(bench, job, fresh, JobInput(job.source, files: packed))
        }
        #expect(gzip?.code == .corrupted && gzip?.message.contains("too early") == true)
        #expect(throws: SiltstoneError.self) { try JobInput(path: "none*", files: files) }
    }

    /// Two frames that hold the text: compressed where that makes it smaller, else stored.
    private func frames(of text: [UInt8]) -> [UInt8] {
        let half = text.count / 2
        return [Array(text[..<half]), Array(text[half...])].flatMap { part -> [UInt8] in
            var stored: [UInt8] = []
            let codec = unsafe part.withUnsafeBytes {
                unsafe Compressor(.zstd(level: 3)).compress($0, into: &stored)
            }
            if codec == .zstd { return stored }
            // A window of 1 MiB, one raw block, the last.
            let header = UInt32(part.count) << 3 | 1
            return [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50]
                + (0..<3).map { UInt8(truncatingIfNeeded: header >> (8 * $0)) } + part
        }
    }

    @Test(
        "compressed files give the table of the plain one, also after stops",
        arguments: [1, 7, 400])
    func packed(records: Int) throws {
        let job = try JobBench.job()
        let plain = JobRunnerTests.randomInput(seed: 11, count: records)
        let half = plain.count / 2
        let gzip =
            try #require(GzipWriter.compress(Array(plain[..<half])))
            + #require(GzipWriter.compress(Array(plain[half...])))
        let wanted = try bench().open()
        _ = try run(
            bench(), job, wanted, JobInput(job.source, files: MemoryInputFiles(["in": plain])))
        for input in [gzip, frames(of: plain)] {
            let bench = bench()
            let store = try bench.open()
            let files = MemoryInputFiles(["in": input])
            var stops = 0
            while try run(bench, job, store, JobInput(job.source, files: files), blocks: 60).outcome
                == .stopped
            {
                stops += 1
            }
            #expect(records < 400 || stops > 1)
            #expect(try JobBench.dumpAll(store) == JobBench.dumpAll(wanted))
            let cut = MemoryInputFiles(["in": Array(input.dropLast(3))])
            let torn = #expect(throws: SiltstoneError.self) {
                try run(bench, job, self.bench().open(), JobInput(job.source, files: cut))
            }
            #expect(torn?.code == .corrupted && torn?.message.contains("too early") == true)
            var bytes = input
            bytes[bytes.count / 4] ^= 0xff
            // A flipped byte of stored text is text; one in a gzip file is always found.
            guard bytes.starts(with: [0x1f, 0x8b]) else { continue }
            let damaged = #expect(throws: SiltstoneError.self) {
                try run(
                    bench, job, self.bench().open(),
                    JobInput(job.source, files: MemoryInputFiles(["in": bytes])))
            }
            #expect(damaged?.code == .corrupted)
        }
    }

    @Test("a small file that would unpack without end is refused")
    func bomb() throws {
        let job = try JobBench.job()
        let line = Array("{\"ts\":1000,\"k\":\"a\",\"v\":1}\n".utf8)
        let writer = try #require(GzipWriter(level: 9))
        let piece = (0..<40_000).flatMap { _ in line }
        var bomb: [UInt8] = []
        for _ in 0..<4 { bomb += writer.add(piece, finishes: false) }
        bomb += writer.add([], finishes: true)
        let file = try MemoryInputFiles(["in": bomb]).open("in")
        let input = try #require(
            try PackedInput(file, limits: PackedInput.Limits(freeBytes: 1 << 20, ratioMax: 100)))
        var bytes: [UInt8] = []
        let error = #expect(throws: SiltstoneError.self) {
            while try input.read(1 << 16, into: &bytes) > 0 { bytes.removeAll() }
        }
        #expect(
            error?.code == .invalidArgument && error?.message.contains("times its size") == true)
        let whole = try JobInput(job.source, files: MemoryInputFiles(["in": bomb]))
        let store = try bench().open()
        let summary = try run(bench(blockBytes: 1 << 20), job, store, whole)
        #expect(summary.records == 160_000 && summary.bad == 0)
    }

    @Test("records that where leaves out move the watermark, and explicit watermarks do")
    func watermarks() throws {
        let text = """
            {"ts":1000,"k":"a","v":1}
            {"ts":50000,"k":"a","v":-1}
            {"ts":2000,"k":"a","v":2}
            {"ts":60000,"k":"b","v":3}
            """
        let filtered = try JobBench.job(["where": #""v > 0""#])
        let bench = bench(blockBytes: 1 << 20)
        let store = try bench.open()
        let summary = try run(
            bench, filtered, store,
            JobInput(path: "in", files: MemoryInputFiles(["in": Array(text.utf8)])))
        #expect(summary.filtered == 1)
        #expect(summary.late == 1)
        let explicit = try JobBench.job(["time": #"{"field": "ts", "watermark_field": "w"}"#])
        let other = try self.bench().open()
        let marks =
            "{\"ts\":1000,\"k\":\"a\",\"v\":1}\n{\"w\":20000}\n{\"ts\":2000,\"k\":\"a\",\"v\":2}\n{\"ts\":20000,\"k\":\"a\",\"v\":2}\n"
        let second = try run(
            bench, explicit, other,
            JobInput(path: "in", files: MemoryInputFiles(["in": Array(marks.utf8)])))
        #expect(second.late == 1)
        #expect(second.windows == 2)
    }

    @Test(
        "times of every unit",
        arguments: [
            ("s", "1", 1000), ("s", "1.5", 1500), ("ms", "-7", -7), ("us", "1999", 1),
            ("us", "-1", -1), ("ns", "1999999", 1),
            ("rfc3339", "2013-01-01T05:00:00Z", 1_357_016_400_000),
            ("rfc3339", "2013-01-01 05:00:00.25+01:00", 1_357_012_800_250),
            ("rfc3339", "2016-12-31T23:59:60Z", 1_483_228_799_999),
            ("rfc3339", "1969-12-31T23:59:59Z", -1000),
            ("rfc3339", "2013-02-29T00:00:00Z", nil), ("rfc3339", "2013-01-01T05:00:00Zx", nil),
            ("rfc3339", "now", nil),
            ("%d/%b/%Y:%H:%M:%S %z", "17/May/2015:10:05:03 +0000", 1_431_857_103_000),
            ("%m/%d/%y %I:%M %p", "5/17/15 10:05 pm", 1_431_900_300_000),
            ("%Y-%j", "2016-366", 1_483_142_400_000), ("%s.%f", "1431857103.5", 1_431_857_103_500),
            ("%Y", "20155", nil), ("ms", "1e30", nil), ("s", "9223372036854775807", nil),
        ] as [(String, String, Int64?)])
    func times(unit: String, text: String, expected: Int64?) throws {
        var texts = TextBuffer()
        var value = texts.add(text.utf8)
        value.tag = Datum.Tag.untyped
        let time = EventTime(unit: try #require(TimeUnit(unit)))
        switch time.read(value, texts) {
        case .time(let milliseconds): #expect(milliseconds == expected)
        case .fault: #expect(expected == nil)
        }
    }

    @Test("times in row keys sort and read back")
    func forms() {
        func text(_ time: Int64, _ form: RowTemplate.TimeForm) -> String {
            var bytes: [UInt8] = []
            RowTemplate.append(time, form, to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(text(1_431_857_103_000, .iso) == "2015-05-17T10:05:03Z")
        #expect(text(-1, .iso) == "1969-12-31T23:59:59.999Z")
        #expect(text(0, .key) == "8000000000000000")
        #expect(text(-1, .key) == "7fffffffffffffff")
        #expect(text(0, .reversed) == "7fffffffffffffff")
        #expect(text(1, .reversed) < text(0, .reversed))
        #expect(text(-5, .decimal) == "-5")
    }
}
