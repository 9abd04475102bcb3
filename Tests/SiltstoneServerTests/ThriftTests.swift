import SiltBytes
import Testing

@testable import SiltstoneServer

@Suite struct ThriftTests {
    private static let encodings = [
        ThriftEncoding(isCompact: false, isFramed: false),
        ThriftEncoding(isCompact: true, isFramed: false),
    ]

    private var call: ThriftMessage {
        ThriftMessage(
            name: "scannerOpenWithScan", kind: .call, sequence: 300,
            body: .fields([
                (1, .bytes([1, 2, 255])), (2, .bool(true)), (3, .bool(false)), (4, .i8(-3)),
                (5, .i16(-300)), (6, .i32(.min)), (7, .i64(.max)), (8, .double(1.5)),
                (40, .list(.bool, [.bool(true), .bool(false)])),
                (41, .list(.i32, (0..<20).map { .i32($0) })),
                (42, .map(.bytes, .fields, [(.text("k"), .fields([(1, .i64(-1))]))])),
                (43, .map(.bytes, .bytes, [])), (-5, .fields([])),
            ]))
    }

    @Test("a message reads back as it was written, in both protocols", arguments: encodings)
    func roundTrip(encoding: ThriftEncoding) throws {
        let bytes = ThriftWriter.encode(call, encoding)
        var reader = ThriftReader(bytes[...], isCompact: encoding.isCompact)
        let message = try reader.message()
        #expect(reader.offset == bytes.count)
        #expect(message.name == call.name && message.kind == .call && message.sequence == 300)
        #expect("\(message.body)" == "\(call.body)")
        for count in 0..<bytes.count {
            var short = ThriftReader(bytes[..<count], isCompact: encoding.isCompact)
            #expect(throws: ThriftFault.self) { try short.message() }
        }
    }

    @Test("any bytes are read or refused", arguments: encodings)
    func anyBytes(encoding: ThriftEncoding) throws {
        let whole = ThriftWriter.encode(call, encoding)
        var state: UInt64 = 11
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        for _ in 0..<5000 {
            var bytes = whole
            for _ in 0...random(4) { bytes[random(bytes.count)] = UInt8(random(256)) }
            var reader = ThriftReader(bytes[...], isCompact: encoding.isCompact)
            _ = try? reader.message()
        }
    }

    @Test("a frame holds the length of its message")
    func frame() {
        let plain = ThriftWriter.encode(call, .init(isCompact: true, isFramed: false))
        let framed = ThriftWriter.encode(call, .init(isCompact: true, isFramed: true))
        #expect(framed.count == plain.count + 4)
        #expect(framed[0..<4].reduce(0) { $0 << 8 | Int($1) } == plain.count)
    }
}
