import SiltBytes
import Testing

@Suite struct DecimalTextTests {
    private func text(_ value: Int64) -> String {
        var bytes = Array("x".utf8)
        DecimalText.append(value, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("integers are written as strings of them are")
    func integers() {
        var values: [Int64] = [0, 1, -1, 9, 10, -10, 99, 100, .max, .min, 1_735_689_600_000]
        var power: Int64 = 1
        for _ in 0..<18 {
            power *= 10
            values += [power, power - 1, -power, power + 1]
        }
        for value in values { #expect(text(value) == "x\(value)") }
    }

    @Test("zeros fill a number up to a width, which longer ones exceed")
    func widths() {
        var bytes: [UInt8] = []
        for (value, width) in [(7, 4), (1234, 2), (0, 3), (0, 1), (99, 2)] as [(UInt64, Int)] {
            DecimalText.append(value, width: width, to: &bytes)
            bytes.append(0x20)
        }
        #expect(String(decoding: bytes, as: UTF8.self) == "0007 1234 000 0 99 ")
    }
}
