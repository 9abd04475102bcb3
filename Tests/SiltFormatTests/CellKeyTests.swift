import SiltBytes
import SiltFormat
import SiltModel
import Testing

@Suite("Cell keys")
struct CellKeyTests {
    static let components: [[UInt8]] = {
        var all: [[UInt8]] = [[]]
        for first in [UInt8(0), 1, 2, 0xfe, 0xff] {
            all.append([first])
            for second in [UInt8(0), 1, 2, 0xff] { all.append([first, second]) }
        }
        return all
    }()

    @Test("Column keys compare as row and then qualifier")
    func order() {
        var pairs: [(row: [UInt8], qualifier: [UInt8], key: [UInt8])] = []
        for row in Self.components {
            for qualifier in Self.components {
                pairs.append(
                    (
                        row, qualifier,
                        CellKey.columnKey(row: Bytes(row), qualifier: Bytes(qualifier))
                    ))
            }
        }
        var wrong = 0
        for left in pairs {
            for right in pairs {
                let wanted =
                    left.row == right.row
                    ? left.qualifier.lexicographicallyPrecedes(right.qualifier)
                    : left.row.lexicographicallyPrecedes(right.row)
                if left.key.lexicographicallyPrecedes(right.key) != wanted { wrong += 1 }
            }
        }
        #expect(wrong == 0)
    }

    @Test("Components come back out of a column key")
    func roundTrip() throws {
        var random = SeededRandom(seed: TestRun.seed)
        for step in 0..<500 {
            let row = random.bytes(1 + random.below(40)).map { step % 2 == 0 ? $0 : $0 % 4 }
            let qualifier = random.bytes(random.below(40)).map { step % 3 == 0 ? $0 : $0 % 3 }
            let key = CellKey.columnKey(row: Bytes(row), qualifier: Bytes(qualifier))
            let first = try CellKey.component(of: key, at: 0)
            let second = try CellKey.component(of: key, at: first.next)
            #expect(first.bytes == row && second.bytes == qualifier && second.next == key.count)
            let prefix = CellKey.rowPrefix(Bytes(row))
            #expect(Array(key.prefix(prefix.count)) == prefix && prefix.count == first.next)
            #expect(CellKey.rowPrefixByteCount(of: key) == first.next)
            #expect(CellKey.isColumnKey(key))
        }
    }

    @Test("Damaged column keys are errors, not traps")
    func damaged() {
        for key in [[], [5], [1], [1, 0], [1, 3, 0], [97, 1, 0, 0]] as [[UInt8]] {
            #expect(throws: DecodingError.self) { try CellKey.component(of: key, at: 0) }
            #expect(!CellKey.isColumnKey(key))
        }
        #expect(!CellKey.isColumnKey([97, 0]))
        #expect(!CellKey.isColumnKey([97, 0, 0, 0]))
        #expect(throws: DecodingError.self) { try CellKey.component(of: [1, 2, 3], at: 9) }
        #expect(throws: DecodingError.self) { try CellKey.component(of: [1, 2, 3], at: -1) }
    }

    @Test("An operation encoded from row and qualifier is that of their column key")
    func operations() {
        let long = (0..<300).map { UInt8(truncatingIfNeeded: $0 % 5) }
        for row in Self.components + [long] {
            for qualifier in Self.components + [long] {
                for timestamp in [nil, 7] as [Int64?] {
                    var parts = OperationBuffer()
                    var whole = OperationBuffer()
                    parts.append(
                        .put, family: 3, row: row, qualifier: qualifier, timestamp: timestamp,
                        value: [1, 2, 3])
                    whole.append(
                        .put, family: 3,
                        columnKey: CellKey.columnKey(row: Bytes(row), qualifier: Bytes(qualifier)),
                        timestamp: timestamp, value: [1, 2, 3])
                    #expect(parts.bytes == whole.bytes && parts.count == 1)
                    #expect(
                        parts.byteCount
                            <= OperationSpan.room(
                                rowBytes: row.count, qualifierBytes: qualifier.count, valueBytes: 3)
                    )
                }
            }
        }
    }
}
