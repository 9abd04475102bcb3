import SiltFormat
import SiltLSM
import SiltModel
import Testing

@Suite("RetentionRule")
struct RetentionRuleTests {
    /// A cell of one row, in cell order: qualifier, type, time stamp, sequence, whether the server gave the time stamp, own TTL.
    struct Entry {
        var qualifier: String
        var type: CellType
        var timestamp: Int64
        var sequence: UInt64
        var isServers = false
        var timeToLive: Int64?

        init(
            _ qualifier: String, _ type: CellType, _ timestamp: Int64, _ sequence: UInt64,
            servers: Bool = false, timeToLive: Int64? = nil
        ) {
            self.qualifier = qualifier
            self.type = type
            self.timestamp = timestamp
            self.sequence = sequence
            isServers = servers
            self.timeToLive = timeToLive
        }
    }

    /// The sequences of the cells kept.
    private func kept(_ entries: [Entry], _ rule: RetentionRule) -> [UInt64] {
        var rule = rule
        rule.startRow()
        var column: String?
        var result: [UInt64] = []
        for entry in entries {
            if let column, column != entry.qualifier { rule.startColumn() }
            column = entry.qualifier
            var flags: UInt8 = entry.isServers ? CellFlags.hasServerTimestamp : 0
            var value: [UInt8] = []
            if let timeToLive = entry.timeToLive {
                flags |= CellFlags.hasTimeToLive
                value = (0..<8).map { UInt8(truncatingIfNeeded: timeToLive >> (8 * $0)) }
            }
            // Safety: the buffer is used only inside the closure.
            let keeps = unsafe value.withUnsafeBytes {
                unsafe rule.keeps(
                    entry.type, flags: flags, timestamp: entry.timestamp, sequence: entry.sequence,
                    value: $0)
            }
            if keeps { result.append(entry.sequence) }
        }
        return result
    }

    private func bottom(_ family: Family, now: Int64 = 1_000) -> RetentionRule {
        RetentionRule(
            family, reach: .bottom(markersBefore: .max, dropsVersions: true), nowMilliseconds: now)
    }

    private func partial(_ family: Family, now: Int64 = 1_000) -> RetentionRule {
        RetentionRule(family, reach: .partial, nowMilliseconds: now)
    }

    private let three = Family("f", maxVersions: 3)

    @Test("A partial merge keeps excess versions and drops overwritten duplicates")
    func partialKeepsVersions() {
        let cells = [
            Entry("a", .put, 9, 4), Entry("a", .put, 8, 3), Entry("a", .put, 8, 2),
            Entry("a", .put, 7, 1),
        ]
        #expect(kept(cells, partial(Family("f"))) == [4, 3, 1])
        #expect(kept(cells, bottom(Family("f"))) == [4])
    }

    @Test("DeleteColumn masks up to its time stamp, also values written later")
    func deleteColumn() {
        let cells = [
            Entry("a", .put, 9, 1), Entry("a", .deleteColumn, 8, 2), Entry("a", .put, 8, 3),
            Entry("a", .put, 7, 4), Entry("b", .put, 7, 5),
        ]
        #expect(kept(cells, partial(three)) == [1, 2, 5])
        #expect(kept(cells, bottom(three)) == [1, 5])
    }

    @Test("Delete masks exactly its time stamp and column")
    func deleteVersion() {
        let cells = [
            Entry("a", .put, 9, 1), Entry("a", .delete, 8, 2), Entry("a", .put, 8, 3),
            Entry("a", .put, 7, 4),
            Entry("b", .put, 8, 5),
        ]
        #expect(kept(cells, bottom(three)) == [1, 4, 5])
    }

    @Test("Family markers mask every column, the version marker only its own time stamp")
    func familyMarkers() {
        let cells = [
            Entry("", .deleteFamilyVersion, 9, 1), Entry("", .deleteFamily, 5, 2),
            Entry("a", .put, 9, 3),
            Entry("a", .put, 8, 4), Entry("a", .put, 5, 5), Entry("b", .put, 9, 6),
            Entry("b", .put, 6, 7),
        ]
        #expect(kept(cells, bottom(three)) == [4, 7])
        #expect(kept(cells, partial(three)) == [1, 2, 4, 7])
    }

    @Test("At one time stamp a marker stamped by the server masks only what was written before it")
    func serverMarker() {
        for marker in [CellType.delete, .deleteColumn] {
            let cells = [
                Entry("a", marker, 9, 2, servers: true),
                Entry("a", .put, 9, 3, servers: true), Entry("b", .put, 9, 1),
            ]
            #expect(kept(cells, bottom(three)) == [3, 1])
            let before = [
                Entry("a", marker, 9, 4, servers: true), Entry("a", .put, 9, 3, servers: true),
            ]
            #expect(kept(before, bottom(three)) == [])
            // The writer chose the time stamp: as in HBase.
            let chosen = [Entry("a", marker, 9, 2, servers: true), Entry("a", .put, 9, 3)]
            #expect(kept(chosen, bottom(three)) == [])
        }
        let clients = [Entry("a", .deleteColumn, 9, 2), Entry("a", .put, 9, 3)]
        #expect(kept(clients, bottom(three)) == [])
    }

    @Test("A value is dropped when older than the TTL, not when exactly as old")
    func timeToLive() {
        let family = Family("f", maxVersions: 9, timeToLiveMilliseconds: 100)
        let cells = [Entry("a", .put, 900, 2), Entry("a", .put, 899, 1)]
        #expect(kept(cells, partial(family)) == [2])
        #expect(kept(cells, bottom(family)) == [2])
    }

    @Test("MIN_VERSIONS keeps the newest values beyond the TTL")
    func minVersions() {
        let family = Family("f", maxVersions: 9, minVersions: 2, timeToLiveMilliseconds: 100)
        let cells = [Entry("a", .put, 3, 3), Entry("a", .put, 2, 2), Entry("a", .put, 1, 1)]
        #expect(kept(cells, bottom(family)) == [3, 2])
        #expect(kept(cells, partial(family)) == [3, 2, 1])
    }

    @Test("A value's own TTL drops it without counting it")
    func cellTimeToLive() {
        let cells = [
            Entry("a", .put, 500, 3, timeToLive: 499), Entry("a", .put, 400, 2, timeToLive: 600),
            Entry("a", .put, 300, 1),
        ]
        #expect(kept(cells, bottom(Family("f", maxVersions: 2))) == [2, 1])
    }

    @Test("KEEP_DELETED_CELLS keeps deleted values and markers within the versions")
    func keepDeleted() {
        let cells = [
            Entry("a", .deleteColumn, 9, 9), Entry("a", .put, 9, 3), Entry("a", .put, 8, 2),
            Entry("a", .put, 7, 1),
        ]
        let family = Family("f", maxVersions: 2, keepDeletedCells: .yes)
        #expect(kept(cells, bottom(family)) == [9, 3, 2])
        let untilTimeToLive = Family(
            "f", maxVersions: 2, minVersions: 1, timeToLiveMilliseconds: 100,
            keepDeletedCells: .untilTimeToLive)
        #expect(kept(cells, bottom(untilTimeToLive, now: 50)) == [9, 3, 2])
        #expect(kept(cells, bottom(untilTimeToLive, now: 1_000)) == [])
    }

    @Test("Markers that data outside the merge may still need are kept")
    func markerHorizon() {
        let rule = RetentionRule(
            three, reach: .bottom(markersBefore: 8, dropsVersions: true), nowMilliseconds: 1_000)
        let cells = [
            Entry("a", .deleteColumn, 8, 2), Entry("a", .deleteColumn, 7, 1),
            Entry("a", .put, 6, 3),
        ]
        #expect(kept(cells, rule) == [2])
    }
}
