import SiltBytes

/// Variance and standard deviation from exact sums of values and squares: the result does not
/// depend on order, and nothing is lost when values lie far from zero.
struct MomentSketch: Sendable {
    private var count: Int64 = 0
    private var sum = ExactSum()
    private var squares = ExactSum()
    private var hasSpecial = false
    private var hasBytes = false

    init() {}

    mutating func add(_ event: SketchEvent) {
        switch event.value {
        case .int(let int):
            count &+= 1
            sum.add(int)
            let high = Double(int)
            let low = Double(Int128(int) - (Int128(exactly: high) ?? 0))
            squares.add(product: high, high)
            squares.add(product: 2 * high, low)
            squares.add(product: low, low)
        case .double(let double):
            count &+= 1
            guard double.isFinite, (double * double).isFinite else {
                hasSpecial = true
                return
            }
            sum.add(double)
            squares.add(product: double, double)
        default: hasBytes = true
        }
    }

    mutating func merge(_ other: MomentSketch) {
        count &+= other.count
        sum.add(other.sum)
        squares.add(other.squares)
        hasSpecial = hasSpecial || other.hasSpecial
        hasBytes = hasBytes || other.hasBytes
    }

    func value(_ function: AggregateFunction) -> AggregateValue {
        if hasBytes { return .error(.notANumber) }
        let isSample = function == .deviation || function == .variance
        let divisor = isSample ? count - 1 : count
        guard divisor > 0 else { return .null }
        if hasSpecial { return .double(.nan) }
        // The squared distances from the rounded mean, summed exactly.
        let mean = sum.total.divided(by: count)
        var distances = squares
        for part in sum.total.parts { distances.add(product: -2 * mean, part) }
        let square = mean * mean
        let error = (-square).addingProduct(mean, mean)
        distances.add(product: square, Double(count))
        distances.add(product: error, Double(count))
        // The mean was rounded: what that adds is taken away.
        var rest = sum
        rest.add(product: -mean, Double(count))
        let shift = rest.rounded
        distances.add(product: -shift, shift / Double(count))
        let variance = max(0, distances.rounded) / Double(divisor)
        let isDeviation = function == .deviation || function == .deviationOfAll
        return .double(isDeviation ? variance.squareRoot() : variance)
    }

    func encode(into writer: inout ByteWriter) {
        writer.writeSignedVarint(count)
        writer.write(UInt8((hasSpecial ? 1 : 0) | (hasBytes ? 2 : 0)))
        sum.encode(into: &writer)
        squares.encode(into: &writer)
    }

    init(from reader: inout ByteReader) throws(DecodingError) {
        count = try reader.readSignedVarint()
        let flags = try reader.readUInt8()
        guard flags < 4 else { throw reader.error("moments have unknown flags flags=\(flags)") }
        hasSpecial = flags & 1 != 0
        hasBytes = flags & 2 != 0
        sum = try ExactSum(from: &reader)
        squares = try ExactSum(from: &reader)
    }
}
