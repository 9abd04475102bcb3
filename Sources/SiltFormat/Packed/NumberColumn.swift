internal import SiltBytes

/// A column of 64-bit numbers as packed blocks store it: differences, with their bytes in planes.
///
/// All arithmetic wraps, so that every column comes back exactly. Part of the format: docs/format/packed.md.
struct NumberColumn {
    /// How the numbers are turned into small ones.
    struct Shape: Hashable {
        /// 0: the number itself; 1: its difference to an earlier one; 2: the difference of differences.
        var order = 0
        /// How many places before the earlier number stands, from 1 on.
        var lag = 1
    }

    /// The most places that `lag` may look back.
    static let lagMax = 8
    /// How many numbers a shape is chosen by.
    private static let sampleCount = 1024

    /// Appends a column.
    ///
    /// - Parameter cuts: gets the places where bytes of another kind begin.
    static func write(_ numbers: [UInt64], to writer: inout ByteWriter, cuts: inout [Int]) {
        guard let first = numbers.first else { return }
        var least = first
        var divisor: UInt64 = 0
        for number in numbers { least = min(least, number) }
        for number in numbers where divisor != 1 { divisor = common(divisor, number &- least) }
        let scaled =
            divisor > 1
            ? numbers.map { ($0 &- least) / divisor } : numbers.map { $0 &- least }
        let shape = divisor == 0 ? Shape() : best(for: scaled)
        let small = residuals(scaled[...], shape)
        let most = small.reduce(0, |)
        let width = (71 - most.leadingZeroBitCount) / 8
        writer.write(UInt8(shape.order | (shape.lag - 1) << 2))
        writer.write(UInt8(width))
        writer.writeVarint(least)
        writer.writeVarint(max(1, divisor))
        for plane in 0..<width {
            cuts.append(writer.bytes.count)
            let shift = UInt64(plane * 8)
            writer.write(contentsOf: small.map { UInt8(truncatingIfNeeded: $0 >> shift) })
        }
        cuts.append(writer.bytes.count)
    }

    /// The greatest common divisor; of 0 and a number, the number.
    private static func common(_ a: UInt64, _ b: UInt64) -> UInt64 {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }

    private static func residuals(_ numbers: ArraySlice<UInt64>, _ shape: Shape) -> [UInt64] {
        switch shape.order {
        case 0: return Array(numbers)
        case 1: return differences(Array(numbers), lag: shape.lag).map(zigzag)
        default:
            return differences(differences(Array(numbers), lag: shape.lag), lag: shape.lag)
                .map(zigzag)
        }
    }

    private static func differences(_ numbers: [UInt64], lag: Int) -> [UInt64] {
        var result = numbers
        for index in numbers.indices.dropFirst(lag) {
            result[index] = numbers[index] &- numbers[index - lag]
        }
        return result
    }

    private static func zigzag(_ number: UInt64) -> UInt64 {
        (number << 1) ^ UInt64(bitPattern: Int64(bitPattern: number) >> 63)
    }

    /// The shape whose bytes have the least entropy, by a sample from the middle.
    private static func best(for numbers: [UInt64]) -> Shape {
        let start = max(0, (numbers.count - sampleCount) / 2)
        let sample = numbers[start..<min(numbers.count, start + sampleCount)]
        var best = Shape()
        var least = Entropy.bits(of: residuals(sample, best))
        func look(_ shape: Shape) {
            // What only tells how the column begins does not count.
            let small = residuals(sample, shape).dropFirst(shape.lag * shape.order)
            let bits = Entropy.bits(of: Array(small))
            if bits + 64 < least { (best, least) = (shape, bits) }
        }
        look(Shape(order: 1))
        look(Shape(order: 2))
        if least > sample.count {
            for lag in 2...lagMax { look(Shape(order: 1, lag: lag)) }
        }
        return best
    }
}

/// How many bits an ideal coder of single bytes would need.
enum Entropy {
    /// For the planes of numbers, each plane with a code of its own.
    static func bits(of numbers: [UInt64]) -> Int {
        let most = numbers.reduce(0, |)
        let width = (71 - most.leadingZeroBitCount) / 8
        var total = 0
        var counts = [Int](repeating: 0, count: 256)
        for plane in 0..<width {
            for index in counts.indices { counts[index] = 0 }
            let shift = UInt64(plane * 8)
            for number in numbers { counts[Int(number >> shift & 0xff)] += 1 }
            total += bits(counts, total: numbers.count)
        }
        return total
    }

    /// For bytes that stand one after the other.
    static func bits(ofBytes bytes: ArraySlice<UInt8>) -> Int {
        var counts = [Int](repeating: 0, count: 256)
        for byte in bytes { counts[Int(byte)] += 1 }
        return bits(counts, total: bytes.count)
    }

    private static func bits(_ counts: [Int], total: Int) -> Int {
        let whole = logarithm(total)
        return counts.reduce(0) { $1 == 0 ? $0 : $0 + $1 * (whole - logarithm($1)) } >> 8
    }

    /// The logarithm to base 2, in 256ths; off by up to 0.09, which does not matter here.
    private static func logarithm(_ number: Int) -> Int {
        if number <= 1 { return 0 }
        let floor = Int.bitWidth - 1 - number.leadingZeroBitCount
        let fraction = ((number << 8) >> floor) & 0xff
        return floor << 8 | fraction
    }
}
