import Foundation
import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel
import Testing

/// What one family shows, by brute force over its whole history: HBase's rules as a specification.
private struct FamilyModel {
    struct Entry {
        var row: String
        var qualifier: String
        var timestamp: Int64
        var type: CellType
        var sequence: Int
        var value: String
    }

    let settings: Family
    /// Whether the server assigns all time stamps: then a marker masks only what was written before it at its time stamp.
    let isServers: Bool
    var entries: [Entry] = []
    var sequence = 0

    mutating func add(
        _ row: String, _ qualifier: String, _ timestamp: Int64, _ type: CellType, _ value: String
    ) {
        sequence += 1
        entries.append(
            Entry(
                row: row, qualifier: qualifier, timestamp: timestamp, type: type,
                sequence: sequence,
                value: value))
    }

    private func masks(_ marker: Entry, _ put: Entry) -> Bool {
        guard marker.row == put.row else { return false }
        if isServers, marker.timestamp == put.timestamp, put.sequence > marker.sequence {
            return false
        }
        switch marker.type {
        case .put: return false
        case .delete: return marker.qualifier == put.qualifier && marker.timestamp == put.timestamp
        case .deleteColumn:
            return marker.qualifier == put.qualifier && put.timestamp <= marker.timestamp
        case .deleteFamily: return put.timestamp <= marker.timestamp
        case .deleteFamilyVersion: return put.timestamp == marker.timestamp
        }
    }

    /// The puts that count, by row and column, newest first; `masked` says whether deleted ones are left out.
    private func kept(now: Int64, masked: Bool) -> [Entry] {
        let markers = entries.filter { $0.type != .put }
        var newest: [String: Entry] = [:]
        for put in entries where put.type == .put {
            let key = "\(put.row)/\(put.qualifier)/\(put.timestamp)"
            if newest[key].map({ $0.sequence < put.sequence }) ?? true { newest[key] = put }
        }
        var result: [Entry] = []
        let columns = Dictionary(grouping: newest.values) { "\($0.row)/\($0.qualifier)" }
        for column in columns.values {
            var count = 0
            for put in column.sorted(by: { $0.timestamp > $1.timestamp }) {
                if masked, markers.contains(where: { masks($0, put) }) { continue }
                count += 1
                if count > settings.maxVersions { break }
                if let ttl = settings.timeToLiveMilliseconds, put.timestamp < now - ttl,
                    count > settings.minVersions
                {
                    break
                }
                result.append(put)
            }
        }
        return result
    }

    func visible(now: Int64) -> Set<String> {
        Set(
            kept(now: now, masked: true).map {
                "\($0.row)/\($0.qualifier)/\($0.timestamp)=\($0.value)"
            })
    }

    mutating func compact(now: Int64) {
        let keepsDeleted = settings.keepDeletedCells != .no
        let markers = entries.filter { $0.type != .put }
        entries = kept(now: now, masked: !keepsDeleted) + (keepsDeleted ? markers : [])
    }
}

@Suite("Retention against a model")
struct RetentionModelTests {
    private func visible(_ fixture: EngineFixture, _ settings: Family) throws -> Set<String> {
        let now = fixture.clock.nowMilliseconds
        let cursor = try fixture.groups[0].snapshot().cursor(family: 0, CursorOptions())
        var deletes = DeleteTracker()
        var versions = VersionTracker(settings, nowMilliseconds: now)
        var result: Set<String> = []
        var place: (row: [UInt8], qualifier: [UInt8]) = ([], [])
        var isDone = false
        try cursor.seek([])
        while cursor.isValid {
            // Safety: copied before the cursor moves.
            let key = unsafe Array(cursor.columnKey)
            let row = try CellKey.component(of: key, at: 0)
            let qualifier = try CellKey.component(of: key, at: row.next)
            if row.bytes != place.row { deletes.startRow() }
            if row.bytes != place.row || qualifier.bytes != place.qualifier {
                deletes.startColumn()
                versions.startColumn()
                isDone = false
            }
            place = (row.bytes, qualifier.bytes)
            let type = try #require(CellType(rawValue: cursor.type))
            if type != .put {
                deletes.add(
                    type, timestamp: cursor.timestamp, flags: cursor.flags,
                    sequence: cursor.sequence)
            } else if !versions.isDuplicate(timestamp: cursor.timestamp), !isDone,
                !deletes.masks(
                    timestamp: cursor.timestamp, flags: cursor.flags, sequence: cursor.sequence)
            {
                if versions.admit(timestamp: cursor.timestamp) == .include {
                    let text = { (bytes: [UInt8]) in String(decoding: bytes, as: UTF8.self) }
                    let value = unsafe text(Array(cursor.value))
                    result.insert(
                        "\(text(row.bytes))/\(text(qualifier.bytes))/\(cursor.timestamp)=\(value)")
                } else {
                    isDone = true
                }
            }
            try cursor.next()
        }
        return result
    }

    private static let variants: [Family] = [
        Family("f"), Family("f", maxVersions: 3),
        Family("f", maxVersions: 4, minVersions: 2, timeToLiveMilliseconds: 12),
        Family("f", maxVersions: 3, keepDeletedCells: .yes),
        Family("f", maxVersions: 9, timeToLiveMilliseconds: 9),
    ]

    private static let seed = UInt64(ProcessInfo.processInfo.environment["SILT_SEED"] ?? "") ?? 1
    private static let steps = Int(ProcessInfo.processInfo.environment["SILT_STEPS"] ?? "") ?? 400

    private func type(_ random: SeededRandom, family: Bool) -> CellType {
        switch random.next() % 12 {
        case 0: .delete
        case 1: .deleteColumn
        case 2 where family: .deleteFamily
        case 3 where family: .deleteFamilyVersion
        default: .put
        }
    }

    @Test(
        "Chosen time stamps: flushes change no answer, compactions what HBase's major compaction changes",
        arguments: 0..<5)
    func chosen(_ variant: Int) throws {
        let settings = Self.variants[variant]
        let random = SeededRandom(seed: Self.seed &+ UInt64(variant))
        let fixture = try EngineFixture(
            groupCount: 1, families: [TreeOptions(family: 0, settings: settings)])
        var model = FamilyModel(settings: settings, isServers: false)
        let start = fixture.clock.nowMilliseconds
        var flushCount = 0
        for step in 0..<Self.steps {
            fixture.clock.advance(milliseconds: step % 16 == 0 ? 1 : 0)
            let type = type(random, family: true)
            let isFamily = type == .deleteFamily || type == .deleteFamilyVersion
            let row = "r\(random.next() % 2)"
            let qualifier = isFamily ? "" : ["", "p", "q"][Int(random.next() % 3)]
            let timestamp = start + Int64(random.next() % 24)
            let value = type == .put ? "v\(step)" : ""
            try fixture.put(
                row, value, qualifier: qualifier, timestamp: timestamp, type: type,
                durability: .skipWAL)
            model.add(row, qualifier, timestamp, type, value)
            if random.next() % 9 == 0 {
                try fixture.groups[0].flush()
                flushCount += 1
            }
            // Before there are so many runs that writers compact by themselves.
            if random.next() % 40 == 0 || flushCount == 20 {
                flushCount = 0
                try fixture.groups[0].compact()
                model.compact(now: fixture.clock.nowMilliseconds)
            }
            let expected = model.visible(now: fixture.clock.nowMilliseconds)
            let found = try visible(fixture, settings)
            #expect(found == expected, "seed=\(Self.seed) step=\(step)")
            if found != expected { return }
        }
    }

    @Test(
        "Server time stamps: no flush or background compaction changes an answer", arguments: 0..<2)
    func assigned(_ variant: Int) throws {
        let settings = Self.variants[variant]
        let random = SeededRandom(seed: Self.seed &+ 100 &+ UInt64(variant))
        var options = EngineFixture.options
        options.runsMaintenance = true
        options.flushBytes = 1
        options.tableFileBytes = 300
        let fixture = try EngineFixture(
            groupCount: 1, options: options, families: [TreeOptions(family: 0, settings: settings)])
        var model = FamilyModel(settings: settings, isServers: true)
        for step in 0..<Self.steps {
            // The clock stands still often, so that time stamps reach their bound and tie.
            if random.next() % 50 == 0 { fixture.clock.advance(milliseconds: 3) }
            var type = type(random, family: true)
            if type == .delete || type == .deleteFamilyVersion { type = .put }
            let row = "r\(random.next() % 5)"
            let qualifier = type == .deleteFamily ? "" : "q\(random.next() % 4)"
            let value = type == .put ? "v\(step)" : ""
            let stamp = try fixture.put(
                row, value, qualifier: qualifier, type: type, durability: .skipWAL)
            model.add(row, qualifier, stamp, type, value)
            if random.next() % 3 == 0 { fixture.workers.runAll() }
            let expected = model.visible(now: fixture.clock.nowMilliseconds)
            let found = try visible(fixture, settings)
            #expect(found == expected, "seed=\(Self.seed) step=\(step)")
            if found != expected { return }
        }
        #expect(fixture.engine.metrics.compactionCount > 10)
    }
}
