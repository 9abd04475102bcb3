import NIOHTTP1
import SiltBytes
import SiltModel
import Testing

@testable import SiltstoneServer

@Suite struct MessageTests {
    private static let types: [MediaType] = [.json, .xml, .protobuf]

    private func encode(_ rows: [Row], _ format: CellSetWriter.Format) throws -> [UInt8] {
        var writer = CellSetWriter(format)
        writer.begin()
        for row in rows { try writer.append(key: row.key, cells: row.cells[...]) }
        writer.finish()
        return writer.take()
    }

    @Test("rows are written as HBase's clients expect")
    func written() throws {
        let row = Row(key: "r", cells: [Cell(Column("f", "q"), timestamp: 5, value: "v")])
        let json = #"{"Row":[{"key":"cg==","Cell":[{"column":"Zjpx","timestamp":5,"$":"dg=="}]}]}"#
        #expect(try encode([row], .json) == Array(json.utf8))
        #expect(try encode([], .json) == Array(#"{"Row":[]}"#.utf8))
        let xml =
            #"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><CellSet><Row key="cg==">"#
            + #"<Cell column="Zjpx" timestamp="5">dg==</Cell></Row></CellSet>"#
        #expect(try encode([row], .xml) == Array(xml.utf8))
        #expect(
            Hex.encode(try encode([row], .protobuf))
                == "0a0f" + "0a0172" + "120a" + "1203663a71" + "1805" + "220176")
        #expect(Hex.encode(try encode([row], .protobufStream)).hasPrefix("00110a0f0a0172"))
    }

    @Test("rows that were written read back, in each representation", arguments: types)
    func roundTrip(type: MediaType) throws {
        let bytes = Bytes((0..<256).map { UInt8($0) })
        let rows = [
            Row(key: "a", cells: [Cell(Column("f", bytes), timestamp: 7, value: bytes)]),
            Row(
                key: bytes,
                cells: [
                    Cell(Column("f", .empty), timestamp: .max - 1, value: .empty),
                    Cell(Column("g", "q"), timestamp: 0, value: "v"),
                ]),
        ]
        let format = try #require(type.cellSetFormat)
        let back = try #require(try CellSetReader.decode(try encode(rows, format), type))
        #expect(back.map(\.key) == rows.map(\.key))
        for (read, row) in zip(back, rows) {
            #expect(read.cells.map(\.timestamp) == row.cells.map(\.timestamp))
            #expect(read.cells.map(\.value) == row.cells.map(\.value))
            #expect(read.cells.map(\.column) == row.cells.map { Bytes(CellSetWriter.name(of: $0)) })
        }
    }

    @Test(
        "a protobuf stream's messages stay below what clients can read; a cell that cannot is refused"
    )
    func stream() throws {
        let wide = Row(
            key: "wide",
            cells: (0..<40).map {
                Cell(
                    Column("f", Bytes("q\($0)")), timestamp: 1,
                    value: Bytes([UInt8](repeating: 1, count: 3000)))
            })
        let bytes = try encode([wide, wide], .protobufStream)
        var (offset, cells) = (0, 0)
        while offset < bytes.count {
            let count = Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
            #expect(count <= 32_767)
            let message = Array(bytes[(offset + 2)..<(offset + 2 + count)])
            let rows = try CellSetReader.decode(message, .protobuf)
            for row in rows ?? [] {
                #expect(row.key == "wide")
                cells += row.cells.count
            }
            offset += 2 + count
        }
        #expect(cells == 80)
        let large = Cell(
            Column("f", "q"), timestamp: 1, value: Bytes([UInt8](repeating: 1, count: 40_000)))
        #expect(throws: SiltstoneError.self) {
            try encode([Row(key: "r", cells: [large])], .protobufStream)
        }
    }

    @Test("string time stamps are read; the largest one means now")
    func times() throws {
        let body =
            #"{"Row":[{"key":"cg==","Cell":[{"column":"Zjpx","timestamp":"7","$":""},"#
            + #"{"column":"Zjpx","timestamp":9223372036854775807,"$":""}]}]}"#
        let rows = try #require(try CellSetReader.decode(Array(body.utf8), .json))
        #expect(rows[0].cells.map(\.timestamp) == [7, nil])
    }

    @Test(
        "bodies that are no cell set are refused",
        arguments: [
            (MediaType.json, ""), (.json, "[]"), (.json, "{\"Row\":["),
            (.json, #"{"Row":[{"key":"%"}]}"#), (.json, "\u{0}"), (.json, #"{"Row":5}"#),
            (.xml, ""), (.xml, "<CellSet>"), (.xml, "<CellSet></Row></CellSet>"),
            (.xml, "<Other/>"), (.xml, "<CellSet><Row key='%'/></CellSet>"),
            (.xml, "<!DOCTYPE a [<!ENTITY b 'c'>]><CellSet>&b;</CellSet>"),
            (.xml, "<CellSet>&b;</CellSet>"), (.xml, "<CellSet/><CellSet/>"),
            (.xml, "<CellSet a=b/>"), (.xml, "<CellSet a='<'/>"), (.xml, "text"),
            (.xml, "<CellSet>&#0;</CellSet>"), (.xml, "<CellSet>&#xD800;</CellSet>"),
            (.xml, String(repeating: "<CellSet>", count: 100_000)),
            (.xml, "<CellSet><Row><Cell timestamp='x'/></Row></CellSet>"),
            (.protobuf, "<CellSet/>"), (.protobuf, "\u{0a}\u{05}a"), (.protobuf, "\u{0}"),
        ])
    func refused(type: MediaType, body: String) {
        #expect(throws: SiltstoneError.self) {
            try CellSetReader.decode(Array(body.utf8), type)
        }
    }

    @Test("any bytes are read or refused, in each representation and kind of message")
    func anyBytes() throws {
        let row = Row(key: "r", cells: [Cell(Column("f", "q"), timestamp: 5, value: "v")])
        let schema = SchemaMessage(
            name: "t", attributes: [("A", "b")],
            columns: [.init(name: "f", attributes: [("TTL", "5")])])
        var state: UInt64 = 7
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        for type in Self.types {
            let format = try #require(type.cellSetFormat)
            let seeds = [try encode([row], format), schema.encode(type)]
            for step in 0..<3000 {
                var bytes = seeds[step % 2]
                for _ in 0...random(4) {
                    let place = random(bytes.count)
                    switch random(3) {
                    case 0: bytes[place] = UInt8(random(256))
                    case 1 where bytes.count > 1: bytes.remove(at: place)
                    default: bytes.insert(UInt8(random(256)), at: place)
                    }
                }
                _ = try? CellSetReader.decode(bytes, type)
                _ = try? SchemaMessage.decode(bytes, type)
                _ = try? ScannerMessage.decode(bytes, type)
                _ = try? NamespaceMessage.decode(bytes, type)
            }
        }
    }

    @Test("a schema reads back, in each representation", arguments: types)
    func schema(type: MediaType) throws {
        let schema = SchemaMessage(
            name: "n:t", attributes: [("IS_META", "false"), ("NOTE", "<&\">")],
            columns: [.init(name: "f", attributes: [("VERSIONS", "3"), ("TTL", "60")])])
        let back = try #require(try SchemaMessage.decode(schema.encode(type), type))
        #expect(back.name == "n:t")
        #expect(back.attributes.first { $0.name == "NOTE" }?.value == "<&\">")
        #expect(back.columns.count == 1 && back.columns[0].name == "f")
        #expect(back.columns[0].attributes.first { $0.name == "TTL" }?.value == "60")
        #expect(back.columns[0].attributes.last { $0.name == "VERSIONS" }?.value == "3")
    }

    @Test("the best type that a client accepts is chosen, under the name it used")
    func choice() {
        let cases: [(String?, String?)] = [
            (nil, "application/octet-stream"), ("*/*", "application/octet-stream"),
            ("application/protobuf", "application/protobuf"),
            ("text/html, application/json;q=0.5, text/xml;q=0.9", "text/xml"),
            ("application/json, text/xml", "application/json"), ("text/*", "text/xml"),
            ("*/*, application/json", "application/json"), ("text/json", nil),
            ("application/json;q=0", nil), ("", "application/octet-stream"),
        ]
        for (accept, wanted) in cases {
            let request = Request(
                head: .init(
                    version: .http1_1, method: .GET, uri: "/t/r",
                    headers: accept.map { ["Accept": $0] } ?? [:]), body: [])
            let choice = MediaType.choice(request, [.binary, .xml, .json, .protobuf])
            #expect(choice?.name == wanted, "\(accept ?? "none")")
        }
    }
}
