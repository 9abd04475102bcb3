package import SiltBytes

/// Makes a data block small before it is compressed: its columns as differences, in planes of bytes.
///
/// What a general compressor cannot see (steps, multiples, numbers written as text) is taken out here, and what it can see is
/// sorted by kind. `BlockUnpacker` restores the block byte by byte; in memory blocks are searched as ever. Part of the format:
/// docs/format/packed.md.
package struct BlockPacker {
    /// A packed block.
    package struct Packed {
        /// The bytes to compress.
        package var bytes: [UInt8]
        /// Where bytes of another kind begin: a compressor does well to begin anew there.
        package var cuts: [Int]
    }

    /// The longest rest of a key that is stored in columns.
    static let chunkedRestMax = 64

    private let block: [UInt8]
    private let layout: BlockLayout
    private var writer: ByteWriter
    private var cuts: [Int] = []

    /// The packed form of a block that `BlockBuilder` made.
    package static func pack(_ block: [UInt8]) throws(DecodingError) -> Packed {
        var packer = try BlockPacker(block)
        let decimals = packer.decimals()
        packer.writeColumns(decimals?.0)
        packer.writeRests()
        packer.writeValues(decimals?.1)
        return Packed(bytes: packer.writer.bytes, cuts: packer.cuts)
    }

    private init(_ block: [UInt8]) throws(DecodingError) {
        guard block.count >= BlockLayout.headerByteCount else {
            throw DecodingError(offset: 0, "block is too short size=\(block.count)")
        }
        self.block = block
        layout = try BlockLayout(
            reading: Array(block[..<BlockLayout.headerByteCount]), blockByteCount: block.count)
        writer = ByteWriter(capacity: block.count)
    }

    private mutating func writeColumns(_ form: DecimalForm?) {
        writer.write(contentsOf: block[..<BlockLayout.headerByteCount])
        let isFixed = layout.valueOffsetWidth == 0 && layout.fixedValueByteCount > 0
        let hasWords = isFixed && layout.fixedValueByteCount <= 8
        writer.write(form?.kind.rawValue ?? (hasWords ? 1 : 0))
        writer.write(UInt8(form?.digits ?? 0))
        let n = layout.entryCount
        let k = layout.keyCount
        write(bigEndian(at: BlockLayout.headerByteCount, width: 8, stride: 8, count: k))
        write(numbers(at: layout.timestamps, width: layout.timestampWidth, count: n))
        write(numbers(at: layout.sequences, width: layout.sequenceWidth, count: n))
        write(lengths(at: layout.restOffsets, width: layout.restOffsetWidth, count: k))
        // The length of a number's text follows from the number.
        if form == nil {
            write(lengths(at: layout.valueOffsets, width: layout.valueOffsetWidth, count: n))
        }
        write(numbers(at: layout.keyNumbers, width: layout.keyNumberWidth, count: n))
        // Types, flags, prefix lengths, common prefix.
        writer.write(contentsOf: block[layout.types..<layout.rests])
        cuts.append(writer.bytes.count)
    }

    private mutating func write(_ numbers: [UInt64]) {
        NumberColumn.write(numbers, to: &writer, cuts: &cuts)
    }

    private mutating func writeRests() {
        let width = layout.fixedRestByteCount
        guard layout.restOffsetWidth == 0, width > 0, width <= Self.chunkedRestMax else {
            writer.write(contentsOf: block[layout.rests..<layout.values])
            cuts.append(writer.bytes.count)
            return
        }
        for start in stride(from: 0, to: width, by: 8) {
            write(
                bigEndian(
                    at: layout.rests + start, width: min(8, width - start), stride: width,
                    count: layout.keyCount))
        }
    }

    private mutating func writeValues(_ numbers: [UInt64]?) {
        let width = layout.fixedValueByteCount
        if let numbers {
            write(numbers)
        } else if layout.valueOffsetWidth == 0, width > 0, width <= 8 {
            write(
                bigEndian(
                    at: layout.values, width: width, stride: width, count: layout.entryCount))
        } else {
            writer.write(contentsOf: block[layout.values...])
        }
    }

    /// All values as integers, when all are decimal numbers written alike.
    private func decimals() -> (DecimalForm, [UInt64])? {
        guard layout.valueByteCount > 0 else { return nil }
        return textDecimals() ?? doubleDecimals()
    }

    private func textDecimals() -> (DecimalForm, [UInt64])? {
        guard layout.valueByteCount <= layout.entryCount * DecimalForm.textByteCountMax else {
            return nil
        }
        var parsed: [(number: Int64, digits: Int)] = []
        parsed.reserveCapacity(layout.entryCount)
        var isShortest = true
        var isPointed = true
        for index in 0..<layout.entryCount {
            guard let next = DecimalForm.parse(block[valueRange(index)]) else { return nil }
            let endsWithZero = next.digits > 0 && next.number % 10 == 0
            isShortest = isShortest && !endsWithZero
            isPointed = isPointed && (next.digits == 1 || next.digits > 1 && !endsWithZero)
            parsed.append(next)
        }
        let digits = parsed.reduce(0) { max($0, $1.digits) }
        if parsed.allSatisfy({ $0.digits == digits }) {
            return (
                DecimalForm(kind: .fixedText, digits: digits),
                parsed.map { Self.ordered($0.number) }
            )
        }
        guard isShortest || isPointed else { return nil }
        var numbers: [UInt64] = []
        numbers.reserveCapacity(parsed.count)
        for next in parsed {
            let power = DecimalForm.powers[digits - next.digits]
            let (number, isLarge) = next.number.multipliedReportingOverflow(by: power)
            if isLarge { return nil }
            numbers.append(Self.ordered(number))
        }
        return (
            DecimalForm(kind: isPointed ? .pointedText : .shortestText, digits: digits), numbers
        )
    }

    private func doubleDecimals() -> (DecimalForm, [UInt64])? {
        guard layout.valueOffsetWidth == 0, layout.fixedValueByteCount == 8 else { return nil }
        let big = bigEndian(at: layout.values, width: 8, stride: 8, count: layout.entryCount)
        for kind in [DecimalForm.Kind.bigDouble, .littleDouble] {
            let bits = kind == .bigDouble ? big : big.map(\.byteSwapped)
            // Zeros and small integers are doubles of both kinds: bit patterns without an exponent are not meant.
            guard bits.contains(where: { $0 >> 52 & 0x7ff != 0 }) else { continue }
            for digits in [0, 1, 2, 3, 4, 6] {
                var numbers: [UInt64] = []
                numbers.reserveCapacity(bits.count)
                for value in bits {
                    guard let number = DecimalForm.scale(value, digits: digits) else { break }
                    numbers.append(Self.ordered(number))
                }
                if numbers.count == bits.count {
                    return (DecimalForm(kind: kind, digits: digits), numbers)
                }
            }
        }
        return nil
    }

    /// A signed number as an unsigned one that compares alike.
    private static func ordered(_ number: Int64) -> UInt64 {
        UInt64(bitPattern: number) ^ (1 << 63)
    }

    private func valueRange(_ index: Int) -> Range<Int> {
        if layout.valueOffsetWidth == 0 {
            let start = layout.values + index * layout.fixedValueByteCount
            return start..<(start + layout.fixedValueByteCount)
        }
        let width = layout.valueOffsetWidth
        let start = Int(number(at: layout.valueOffsets + index * width, width: width))
        let end = Int(number(at: layout.valueOffsets + (index + 1) * width, width: width))
        return (layout.values + start)..<(layout.values + end)
    }

    private func numbers(at start: Int, width: Int, count: Int) -> [UInt64] {
        if width == 0 { return [] }
        return (0..<count).map { number(at: start + $0 * width, width: width) }
    }

    private func lengths(at start: Int, width: Int, count: Int) -> [UInt64] {
        if width == 0 { return [] }
        let offsets = numbers(at: start, width: width, count: count + 1)
        return zip(offsets.dropFirst(), offsets).map { $0 &- $1 }
    }

    private func number(at offset: Int, width: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<width { value |= UInt64(block[offset + index]) << UInt64(index * 8) }
        return value
    }

    private func bigEndian(at start: Int, width: Int, stride: Int, count: Int) -> [UInt64] {
        (0..<count).map { index in
            var value: UInt64 = 0
            for byte in 0..<width {
                value = value << 8 | UInt64(block[start + index * stride + byte])
            }
            return value
        }
    }
}
