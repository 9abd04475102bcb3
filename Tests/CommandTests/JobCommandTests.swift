import Foundation
import Testing

@Suite("Jobs")
struct JobCommandTests {
    private let scratch = Scratch()

    @Test(
        "every window of the sample equals an independent computation",
        arguments: [
            ("hour", "flights-origin-hour", "flights_by_hour"),
            ("day", "flights-carrier-day", "flights_by_carrier"),
        ])
    func sample(window: String, job: String, table: String) throws {
        let data = scratch.path("data")
        let names =
            ["flights", "departed", "mean_delay"]
            + (window == "hour"
                ? ["min_delay", "worst_delay", "miles", "first_dest", "last_dest"]
                : ["worst_delay", "miles"]) + ["_start", "_end"]
        try Program.succeed("job", "check", "data/jobs/\(job).yaml")
        try Program.succeed("job", "run", "data/jobs/\(job).yaml", "--data", data)
        let columns = names.map { "\(window):\($0)" }.joined(separator: ",")
        let got = try Program.succeed(
            "scan", table, "--columns", columns, "--format", "csv", "--data", data)
        let wanted = try Program.run(
            Program.root.appendingPathComponent("scripts/flight-windows"),
            [window, "data/samples/flights.ndjson"])
        #expect(wanted.status == 0, "\(wanted.errors)")
        let rows = Array(got.lines.dropFirst())
        #expect(rows.count == wanted.lines.count && rows.count == (window == "hour" ? 373 : 2633))
        for (row, expected) in zip(rows, wanted.lines) where row != expected {
            // Numbers may be written in another way, but must be the same.
            let pairs = zip(
                row.split(separator: ",", omittingEmptySubsequences: false),
                expected.split(separator: ",", omittingEmptySubsequences: false))
            let isSame = pairs.allSatisfy {
                $0 == $1 || Double($0) != nil && Double($0) == Double($1)
            }
            #expect(isSame, "got \(row), wanted \(expected)")
        }
        // Nothing was late or bad, and a second run says that there is nothing to do.
        for table in ["flights_late", "flights_bad"] {
            let count = try Program.succeed("count", table, "--format", "csv", "--data", data)
            #expect(count.output == "rows,cells\n0,0\n")
        }
        let again = try Program.succeed("job", "run", "data/jobs/\(job).yaml", "--data", data)
        #expect(again.output.contains("has completed before"))
        let check = try Program.succeed("check", "--data", data)
        #expect(check.lines.last == "no damage")
    }

    @Test("late and bad records are kept, standard input and CSV are read")
    func lateAndBad() throws {
        let data = scratch.path("data")
        let job = scratch.url("job.yaml")
        let text = """
            job: small
            source: {stdin: true, format: csv}
            time: {field: ts, unit: s, out_of_order: 5s}
            key: [who]
            windows: [{name: w, tumble: 10s}]
            aggregates: {n: count(), s: sum(v)}
            into: {table: out}
            late: {table: late}
            bad_records: {table: bad}
            """
        try Data(text.utf8).write(to: job)
        let input = "ts,who,v\n1,a,1\n2,b,2\n20,a,4\n3,a,8\nnever,a,16\n21,a,32\n"
        let run = try Program.succeed("job", "run", job.path, "--data", data, input: input)
        #expect(run.output.contains("3 rows into out, 1 late, 1 bad"), "\(run.output)")
        let rows = try Program.succeed(
            "scan", "out", "--columns", "w:n,w:s", "--format", "csv", "--data", data)
        #expect(rows.output == "row,w:n,w:s\na#0,1,1\na#20000,2,36\nb#0,1,2\n")
        let late = try Program.succeed(
            "scan", "late", "--columns", "e:raw", "--format", "csv", "--data", data)
        #expect(late.lines.count == 2 && late.output.contains("3,a,8"))
        let bad = try Program.succeed(
            "scan", "bad", "--columns", "e:raw", "--format", "csv", "--data", data)
        #expect(bad.lines.count == 2 && bad.output.contains("never,a,16"))
    }

    @Test("a wrong job file is told with line and column, and nothing is made")
    func wrong() throws {
        let data = scratch.path("data")
        let job = scratch.url("job.yaml")
        try Data("job: x\nsource: {file: y}\nwindows: [{name: w, tumble: soon}]\n".utf8).write(
            to: job)
        for command in [["job", "check", job.path], ["job", "run", job.path, "--data", data]] {
            let outcome = try Program.run(Program.silt, command)
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("\(job.path):3:") && outcome.errors.contains("tumble"))
        }
        #expect(!FileManager.default.fileExists(atPath: data))
        #expect(try Program.silt("job", "check", scratch.path("nothing.yaml")).status == 3)
        let missing = try Program.silt(
            "job", "run", "data/jobs/flights-origin-hour.yaml", "--input", scratch.path("nothing"),
            "--data", data)
        #expect(missing.status == 3 && !FileManager.default.fileExists(atPath: data))
    }
}
