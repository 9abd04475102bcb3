import SiltBytes

/// How many different values there are: exactly up to a number of them, then a HyperLogLog.
///
/// Values are told apart by 64-bit hashes. Whether the registers are used depends on the number of
/// different values alone, so neither order nor merging changes a result.
struct DistinctSketch: Sendable {
    /// Beyond so many different values the count is estimated.
    static let exactMax = 4096
    private static let precision = 14

    private var hashes: Set<UInt64> = []
    /// Ranks by register; empty while hashes are kept.
    private var registers: [UInt8] = []

    init() {}

    mutating func add(_ event: SketchEvent) {
        var writer = ByteWriter()
        writer.write(value: event.value.canonical)
        add(hash: Hash64.hash(writer.bytes))
    }

    private mutating func add(hash: UInt64) {
        if registers.isEmpty {
            hashes.insert(hash)
            if hashes.count > Self.exactMax { estimate() }
            return
        }
        let register = Int(hash >> UInt64(64 - Self.precision))
        let rest = hash << UInt64(Self.precision)
        let rank = UInt8(min(64 - Self.precision, rest.leadingZeroBitCount) + 1)
        registers[register] = max(registers[register], rank)
    }

    private mutating func estimate() {
        registers = Array(repeating: 0, count: 1 << Self.precision)
        let old = hashes
        hashes = []
        for hash in old { add(hash: hash) }
    }

    mutating func merge(_ other: DistinctSketch) {
        if !other.registers.isEmpty {
            if registers.isEmpty { estimate() }
            for index in registers.indices {
                registers[index] = max(registers[index], other.registers[index])
            }
        }
        for hash in other.hashes { add(hash: hash) }
    }

    var value: AggregateValue {
        registers.isEmpty
            ? .int(Int64(hashes.count)) : .int(Int64(estimated.rounded()))
    }

    /// Ertl's estimator, which needs no tables of biases.
    private var estimated: Double {
        let size = Double(1 << Self.precision)
        let top = 64 - Self.precision + 1
        var counts = Array(repeating: 0, count: top + 1)
        for register in registers { counts[Int(register)] += 1 }
        var sum = size * DistinctSketch.tau(1 - Double(counts[top]) / size)
        for rank in stride(from: top - 1, through: 1, by: -1) {
            sum = 0.5 * (sum + Double(counts[rank]))
        }
        sum += size * DistinctSketch.sigma(Double(counts[0]) / size)
        // 1 / (2 ln 2)
        return 0.721_347_520_444_481_7 * size * size / sum
    }

    private static func sigma(_ value: Double) -> Double {
        if value == 1 { return .infinity }
        var (x, y, z) = (value, 1.0, value)
        while true {
            x *= x
            let old = z
            z += x * y
            y += y
            if z == old { return z }
        }
    }

    private static func tau(_ value: Double) -> Double {
        if value == 0 || value == 1 { return 0 }
        var (x, y, z) = (value, 1.0, 1 - value)
        while true {
            x = x.squareRoot()
            let old = z
            y *= 0.5
            z -= (1 - x) * (1 - x) * y
            if z == old { return z / 3 }
        }
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(UInt8(registers.isEmpty ? 0 : 1))
        if registers.isEmpty {
            writer.writeVarint(UInt64(hashes.count))
            for hash in hashes.sorted() { writer.write(hash) }
        } else {
            writer.write(contentsOf: registers)
        }
    }

    init(from reader: inout ByteReader) throws(DecodingError) {
        switch try reader.readUInt8() {
        case 0:
            for _ in 0..<(try reader.readCount(limit: Self.exactMax)) {
                hashes.insert(try reader.readUInt64())
            }
        case 1:
            registers = try reader.readBytes(1 << Self.precision)
            guard registers.allSatisfy({ $0 <= 64 - Self.precision + 1 }) else {
                throw reader.error("a register is out of range")
            }
        default: throw reader.error("distinct values are of an unknown form")
        }
    }
}
