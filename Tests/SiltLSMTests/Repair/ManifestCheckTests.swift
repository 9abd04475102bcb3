import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel
import Testing

@Suite("Consistency of manifests")
struct ManifestCheckTests {
    /// A manifest as the engine writes it: a level of several files, and two runs that were flushed.
    private func makeManifest() throws -> RegionManifest {
        var options = EngineFixture.options
        options.tableFileBytes = 4 << 10
        let fixture = try EngineFixture(groupCount: 1, options: options)
        var random = SeededRandomBytes(state: 7)
        for number in 0..<200 { try fixture.put("row\(1000 + number)", random.text(300)) }
        try fixture.groups[0].flush()
        try fixture.groups[0].compact()
        for row in ["row1001", "row1002"] {
            try fixture.put(row, "new")
            try fixture.put(row, "new", family: 1)
            try fixture.groups[0].flush()
        }
        let disk = fixture.disk
        let key = try #require(
            disk.files.map(\.0.description).filter { $0.contains("/manifest/") }.sorted().last)
        let objects = Environment.memory(disk: disk, clock: ManualClock(), seed: 3).objects
        return try RegionManifest(decoding: objects.get(key))
    }

    private struct SeededRandomBytes {
        var state: UInt64

        mutating func text(_ count: Int) -> String {
            String(
                decoding: (0..<count).map { _ in
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return UInt8(33 + (state >> 33) % 90)
                }, as: UTF8.self)
        }
    }

    @Test("what the engine writes is consistent, and each figure that is changed is found")
    func figures() throws {
        let good = try makeManifest()
        #expect(ManifestCheck(good).problems == [])
        let tree = try #require(good.trees.firstIndex { $0.runs.contains { $0.files.count > 2 } })
        let run = try #require(good.trees[tree].runs.lastIndex { $0.files.count > 2 })
        func expect(_ words: String, _ change: (inout RegionManifest) -> Void) {
            var bad = good
            change(&bad)
            let problems = ManifestCheck(bad).problems
            #expect(problems.contains { $0.contains(words) }, "\(words): \(problems)")
        }
        expect("rows end") { $0.rows = RowClip(start: Bytes("z"), end: Bytes("a")) }
        expect("families are not in order") { $0.trees.reverse() }
        expect("flushed beyond") { $0.trees[tree].flushedSequence = $0.lastSequence + 1 }
        expect("order of levels") { $0.trees[tree].runs.reverse() }
        expect("order of levels") { $0.trees[tree].runs.append($0.trees[tree].runs[run]) }
        expect("no files") { $0.trees[tree].runs[run].files = [] }
        expect("overlap") { $0.trees[tree].runs[run].files.swapAt(0, 1) }
        expect("overlap") {
            $0.trees[tree].runs[run].files[0].largest = $0.trees[tree].runs[run].files[1].smallest
        }
        expect("named twice") {
            $0.trees[tree].runs[0].files[0] = $0.trees[tree].runs[run].files[0]
        }
        expect("own origin") {
            $0.trees[tree].origins = [
                RegionManifest.Origin(region: $0.region, rows: $0.rows, flushedSequence: 1)
            ]
        }
        func expectFile(_ words: String, _ change: (inout TableFile) -> Void) {
            expect(words) { change(&$0.trees[tree].runs[run].files[1]) }
        }
        expectFile("empty") { $0.entryCount = 0 }
        expectFile("more markers") { $0.markerCount = $0.entryCount + 1 }
        expectFile("more markers") { $0.familyMarkerCount = $0.markerCount + 1 }
        expectFile("time stamps are not") { $0.minTimestamp = $0.maxTimestamp + 1 }
        expectFile("sequences are not") { $0.minSequence = $0.maxSequence + 1 }
        expectFile("beyond the last") { $0.maxSequence = .max }
        expectFile("keys are not") { $0.largest = [] }
        expectFile("part of a file") { $0.clip = RowClip(start: .empty, end: .empty) }
        expect("outside the region") { $0.rows.end = Bytes("row1050") }
        expect("outside the region") { $0.rows.start = Bytes("row1050") }
    }

    @Test("parts of a file, as a split makes them, are consistent in version 2 of a manifest")
    func parts() throws {
        var manifest = try makeManifest()
        manifest.rows = RowClip(start: Bytes("row1050"), end: Bytes("row1100"))
        for tree in manifest.trees.indices {
            for run in manifest.trees[tree].runs.indices {
                manifest.trees[tree].runs[run].files = manifest.trees[tree].runs[run].files
                    .compactMap { $0.clipped(to: manifest.rows) }
            }
            manifest.trees[tree].runs.removeAll { $0.files.isEmpty }
            manifest.trees[tree].origins = [
                RegionManifest.Origin(
                    region: Identifier(high: 9, low: 9), rows: manifest.rows, flushedSequence: 5)
            ]
        }
        let decoded = try RegionManifest(decoding: manifest.encoded())
        #expect(decoded == manifest)
        #expect(
            decoded.trees.contains { $0.runs.contains { $0.files.contains { $0.clip != nil } } })
        #expect(ManifestCheck(decoded).problems == [])
    }
}
