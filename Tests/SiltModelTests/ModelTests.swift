import SiltBytes
import SiltModel
import Testing

@Suite struct ColumnTests {
    @Test("a name is split at its first colon")
    func parsing() {
        #expect(("cf:a" as Column) == Column("cf", "a"))
        #expect(("cf:a:b" as Column) == Column("cf", "a:b"))
        #expect(("cf:" as Column) == Column("cf", ""))
        #expect(("cf" as Column) == Column("cf", ""))
        #expect((":a" as Column) == Column("", "a"))
        let slice = ([0x78, 0x63, 0x3a, 0xff, 0x00] as [UInt8])[1...]
        #expect(Column(parsing: slice) == Column("c", [0xff, 0x00]))
        #expect(Column("cf", [0xff]).description == "cf:\\xFF")
    }

    @Test("columns sort by family and then qualifier, byte by byte")
    func order() {
        let ascending = [
            Column("a", ""), Column("a", [0]), Column("a", "b"), Column("a", [0xff]),
            Column("ab", ""),
            Column("b", ""),
        ]
        #expect(ascending.shuffled().sorted() == ascending)
    }

    @Test("a row gives the newest cell of a column")
    func row() {
        let cells = [
            Cell("f:a", timestamp: 2, value: "new"), Cell("f:a", timestamp: 1, value: "old"),
            Cell("f:b", timestamp: 9, value: "b"),
        ]
        let row = Row(key: "r", cells: cells)
        #expect(row["f:a"]?.value == "new")
        #expect(row["f:c"] == nil)
    }
}

@Suite struct DurabilityTests {
    @Test("levels have HBase's names, in any case")
    func names() {
        #expect(
            Durability.allCases.map(\.name) == ["SKIP_WAL", "ASYNC_WAL", "SYNC_WAL", "FSYNC_WAL"])
        for level in Durability.allCases {
            #expect(Durability(name: level.name) == level)
            #expect(Durability(name: level.name.lowercased()) == level)
        }
        for name in ["", "WAL", "USE_DEFAULT", "FSYNC_WAL "] {
            #expect(Durability(name: name) == nil)
        }
    }

    @Test("codes that are stored do not change")
    func codes() {
        #expect(Durability.allCases.map(\.rawValue) == [1, 2, 3, 4])
        #expect(CellType.allCases.map(\.rawValue) == [4, 8, 10, 12, 14])
        #expect(KeepDeletedCells.allCases.map(\.rawValue) == [0, 1, 2])
        #expect(BloomFilterKind.allCases.map(\.rawValue) == [0, 1, 2])
    }
}

@Suite struct RangeTests {
    @Test("a time range holds its first moment and not its end, and the open one everything")
    func time() {
        let range = TimeRange(min: 5, max: 7)
        #expect([4, 5, 6, 7].map { range.contains($0) } == [false, true, true, false])
        #expect(TimeRange.all.contains(0))
        #expect(TimeRange.all.contains(.max))
    }

    @Test("the rows of a prefix end before its successor, or at the table's end")
    func prefix() {
        #expect(RowRange(prefix: "ab") == RowRange(start: "ab", stop: "ac"))
        #expect(RowRange(prefix: [0xff]) == RowRange(start: [0xff], stop: .empty))
        #expect(RowRange(prefix: "") == .all)
    }
}

@Suite struct SiltstoneErrorTests {
    @Test("an error says its code, its words and its place")
    func description() {
        let place = SiltstoneError.Location(file: "wal/x/1.log", offset: 12)
        let error = SiltstoneError(.corrupted, "checksum differs wanted=1 got=2", at: place)
        #expect(
            error.description
                == "corrupted: checksum differs wanted=1 got=2 file=wal/x/1.log offset=12")
        #expect(SiltstoneError(.closed, "table is closed").description == "closed: table is closed")
        #expect(SiltstoneError.Location(file: "a").description == "file=a")
        #expect(SiltstoneError.Code.storageFull.description == "storageFull")
    }
}
