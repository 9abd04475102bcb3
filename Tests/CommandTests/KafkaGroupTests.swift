import CRdKafka
import Foundation
import Testing

/// Processes that share the partitions of a topic: librdkafka's mock cluster is the broker, kcat the producer, and
/// `silt serve` keeps rows and state.
///
/// `SILT_EVENTS` says how many events there are, `SILT_KILLS` how often a member is killed.
@Suite(
    "A group of silt processes", .serialized,
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/kcat")))
struct KafkaGroupTests {
    private let scratch = Scratch()

    private func jobFile(_ bootstrap: String) throws -> String {
        let text = """
            job: shared
            source:
              kafka:
                brokers: ["\(bootstrap)"]
                topic: events
                group: members
                options: {session.timeout.ms: "6000", heartbeat.interval.ms: "500", fetch.wait.max.ms: "50"}
              format: ndjson
            time: {field: ts, out_of_order: 1s}
            key: [k]
            windows: [{name: w, tumble: 10s}]
            aggregates: {n: count(), s: sum(v), d: distinct(v)}
            into: {table: totals}

            """
        try Data(text.utf8).write(to: scratch.url("job.yaml"))
        return scratch.path("job.yaml")
    }

    private func member(_ job: String, _ server: Server) throws -> (Process, Scratch) {
        let scratch = Scratch()
        let process = try Program.start(
            Program.silt,
            [
                "job", "run", job, "--server", server.url, "--checkpoint-interval", "200ms",
            ], scratch)
        return (process, scratch)
    }

    private func produce(_ bootstrap: String, _ lines: String, partition: Int? = nil) throws {
        let place = partition.map { ["-p", "\($0)"] } ?? []
        let outcome = try Program.run(
            URL(fileURLWithPath: "/usr/bin/kcat"),
            [
                "-P", "-b", bootstrap, "-t", "events", "-K", "|", "-z", "gzip", "-X",
                "partitioner=murmur2_random",
            ] + place, input: lines)
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    /// The sum of a column over the table, as far as rows are there.
    private func total(_ server: Server, _ column: String) throws -> Int {
        let outcome = try Program.silt(
            "scan", "totals", "--columns", "w:\(column)", "--format", "csv", "--server", server.url)
        return outcome.lines.reduce(0) { $0 + (Int($1.split(separator: ",").last ?? "") ?? 0) }
    }

    @Test("loses nothing and counts nothing twice through joins, leaves and kill -9")
    func shares() throws {
        let events = Program.number("SILT_EVENTS", default: 20_000)
        let kills = Program.number("SILT_KILLS", default: 1)
        var address = [CChar](repeating: 0, count: 512)
        // Safety: the buffer has the length given; the cluster is freed at the end.
        let cluster = unsafe silt_kafka_mock_new(1, "events", 4, &address, 512)
        // Safety: nobody uses it after that.
        defer { unsafe silt_kafka_free(cluster) }
        let bootstrap = String(
            decoding: address.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let job = try jobFile(bootstrap)
        let server = try Server(data: scratch.path("data"))
        defer { server.kill() }
        var members = [try member(job, server), try member(job, server)]
        defer { for (process, _) in members { kill(process.processIdentifier, SIGKILL) } }
        let rounds = kills * 2 + 1
        var sent = 0
        for round in 0..<rounds {
            let goal = events * (round + 1) / rounds
            var lines = ""
            for event in sent..<goal {
                lines +=
                    "\(event)|{\"ts\":\(event / 10),\"k\":\"k\(event % 97)\",\"v\":\(event % 5)}\n"
            }
            sent = goal
            try produce(bootstrap, lines)
            // Until the newest member has its share: a rebalance takes the mock cluster some seconds.
            Thread.sleep(forTimeInterval: 8)
            guard round + 1 < rounds else { break }
            // The last one to have joined goes, so that the group is never empty: the mock cluster forgets such.
            let (process, _) = members.removeLast()
            if round % 2 == 0 {
                kill(process.processIdentifier, SIGKILL)
            } else {
                process.terminate()
            }
            process.waitUntilExit()
            members.append(try member(job, server))
        }
        // An event far ahead in each partition closes all windows before it.
        for partition in 0..<4 {
            try produce(
                bootstrap, "end|{\"ts\":9000000000000,\"k\":\"end\",\"v\":0}\n",
                partition: partition)
        }
        let deadline = Date().addingTimeInterval(90)
        var counted = 0
        while counted != events, Date() < deadline {
            Thread.sleep(forTimeInterval: 1)
            counted = try total(server, "n")
        }
        // And it stays so.
        Thread.sleep(forTimeInterval: 2)
        #expect(try total(server, "n") == events)
        #expect(try total(server, "s") == (0..<events).reduce(0) { $0 + $1 % 5 })
        for (process, scratch) in members {
            #expect(process.isRunning, "\(scratch.text("errors"))")
        }
        print("group: \(events) events, \(kills) kills, \(kills) leaves")
    }
}
