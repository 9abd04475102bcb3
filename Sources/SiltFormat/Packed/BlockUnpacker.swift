package import SiltBytes

/// Restores data blocks that `BlockPacker` packed, byte by byte.
///
/// What it restores is checked by `BlockView` afterwards, as any block; here only sizes are. Part of the format:
/// docs/format/packed.md.
@safe
package struct BlockUnpacker: ~Copyable {
    private let layout: BlockLayout
    private var reader: NumberReader
    private let numbers: UnsafeMutableBufferPointer<UInt64>
    private let target: UnsafeMutableRawPointer

    /// The size of the block that a packed one holds.
    package static func byteCount(of packed: UnsafeRawBufferPointer) throws(DecodingError) -> Int {
        // Safety: the caller lends the buffer for the call.
        try unsafe readLayout(packed).end
    }

    /// Fills `target`, whose size must be what `byteCount` says.
    package static func unpack(
        _ packed: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(DecodingError) {
        // Safety: the caller lends both buffers for the call.
        let layout = try unsafe readLayout(packed)
        guard let base = packed.baseAddress, let start = target.baseAddress,
            target.count == layout.end
        else { throw DecodingError(offset: 0, "packed block has another size") }
        let scratch = UnsafeMutableBufferPointer<UInt64>.allocate(
            capacity: max(1, layout.entryCount))
        // Safety: the scratch is this call's; keys are no more than entries.
        defer { unsafe scratch.deallocate() }
        let reader = unsafe NumberReader(packed, at: BlockLayout.headerByteCount, base: base)
        var unpacker = unsafe BlockUnpacker(
            layout: layout, reader: reader, numbers: scratch, target: start)
        // Safety: the header is the first part of both.
        unsafe start.copyMemory(from: base, byteCount: BlockLayout.headerByteCount)
        let form = try unpacker.readForm()
        try unpacker.readColumns(form.decimal)
        try unpacker.readRests()
        try unpacker.readValues(form.code, form.decimal)
        guard unpacker.reader.offset == packed.count else {
            throw DecodingError(
                offset: unpacker.reader.offset, "packed block has bytes after its end")
        }
    }

    private init(
        layout: BlockLayout, reader: NumberReader, numbers: UnsafeMutableBufferPointer<UInt64>,
        target: UnsafeMutableRawPointer
    ) {
        self.layout = layout
        self.reader = reader
        // Safety: `numbers` has room for every column, `target` for the whole block; both outlive this.
        unsafe self.numbers = numbers
        unsafe self.target = target
    }

    private static func readLayout(_ packed: UnsafeRawBufferPointer) throws(DecodingError)
        -> BlockLayout
    {
        guard packed.count >= BlockLayout.headerByteCount else {
            throw DecodingError(offset: 0, "packed block is too short size=\(packed.count)")
        }
        // Safety: the guard found the header's bytes.
        return try unsafe BlockLayout(reading: packed, blockByteCount: nil)
    }

    private mutating func readForm() throws(DecodingError) -> (code: UInt8, decimal: DecimalForm?) {
        // Safety: `take` finds each byte within the buffer.
        let code = try unsafe reader.take(1).load(as: UInt8.self)
        let digits = try unsafe Int(reader.take(1).load(as: UInt8.self))
        let kind = DecimalForm.Kind(rawValue: code)
        guard kind != nil || code <= 1, digits <= DecimalForm.digitsMax else {
            throw DecodingError(
                offset: reader.offset - 2, "packed values have an unknown form form=\(code)")
        }
        return (code, kind.map { DecimalForm(kind: $0, digits: digits) })
    }

    private mutating func readColumns(_ form: DecimalForm?) throws(DecodingError) {
        let n = layout.entryCount
        let k = layout.keyCount
        try readBigEndian(to: BlockLayout.headerByteCount, width: 8, stride: 8, count: k)
        try readNumbers(to: layout.timestamps, width: layout.timestampWidth, count: n)
        try readNumbers(to: layout.sequences, width: layout.sequenceWidth, count: n)
        try readLengths(to: layout.restOffsets, width: layout.restOffsetWidth, count: k)
        if form == nil {
            try readLengths(to: layout.valueOffsets, width: layout.valueOffsetWidth, count: n)
        }
        try readNumbers(to: layout.keyNumbers, width: layout.keyNumberWidth, count: n)
        try copy(to: layout.types, count: layout.rests - layout.types)
    }

    private mutating func readRests() throws(DecodingError) {
        let width = layout.fixedRestByteCount
        guard layout.restOffsetWidth == 0, width > 0, width <= BlockPacker.chunkedRestMax else {
            return try copy(to: layout.rests, count: layout.restByteCount)
        }
        for start in stride(from: 0, to: width, by: 8) {
            try readBigEndian(
                to: layout.rests + start, width: min(8, width - start), stride: width,
                count: layout.keyCount)
        }
    }

    private mutating func readValues(_ code: UInt8, _ form: DecimalForm?) throws(DecodingError) {
        switch code {
        case 0: try copy(to: layout.values, count: layout.valueByteCount)
        case 1:
            let width = layout.fixedValueByteCount
            guard layout.valueOffsetWidth == 0, width <= 8 else {
                throw DecodingError(offset: reader.offset, "packed values have no fixed width")
            }
            try readBigEndian(
                to: layout.values, width: width, stride: width, count: layout.entryCount)
        default: if let form { try readDecimals(form) }
        }
    }

    private mutating func readDecimals(_ form: DecimalForm) throws(DecodingError) {
        let count = layout.entryCount
        // Safety: `read` fills `count` numbers, and indices stay below.
        let values = try unsafe read(count)
        if form.kind == .bigDouble || form.kind == .littleDouble {
            guard layout.valueOffsetWidth == 0, layout.fixedValueByteCount == 8 else {
                throw DecodingError(offset: reader.offset, "packed doubles have another width")
            }
            let power = Double(DecimalForm.powers[form.digits])
            for index in 0..<count {
                // Safety: there are `count` numbers, and as many words in the value section.
                let number = unsafe Int64(bitPattern: values[index] ^ (1 << 63))
                let bits = (Double(number) / power).bitPattern
                unsafe target.storeBytes(
                    of: form.kind == .bigDouble ? bits.bigEndian : bits.littleEndian,
                    toByteOffset: layout.values + index * 8, as: UInt64.self)
            }
            return
        }
        var text: [UInt8] = []
        text.reserveCapacity(layout.valueByteCount)
        let width = layout.valueOffsetWidth
        for index in 0..<count {
            // Safety: there are `count` numbers, and one offset more where there are offsets.
            if width != 0 {
                unsafe Self.store(
                    UInt64(text.count), target + layout.valueOffsets, index, width)
            }
            unsafe form.append(Int64(bitPattern: values[index] ^ (1 << 63)), to: &text)
        }
        if width != 0 {
            // Safety: the section has room for one offset more than `count`.
            unsafe Self.store(UInt64(text.count), target + layout.valueOffsets, count, width)
        }
        guard text.count == layout.valueByteCount else {
            throw DecodingError(offset: reader.offset, "packed numbers have another length")
        }
        // Safety: the text is as long as the value section.
        unsafe text.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress {
                unsafe (target + layout.values).copyMemory(from: base, byteCount: bytes.count)
            }
        }
    }

    /// The next column's numbers; good until the next call.
    private mutating func read(_ count: Int) throws(DecodingError)
        -> UnsafeMutableBufferPointer<UInt64>
    {
        // Safety: the scratch has room for as many numbers as there are entries, and keys are no more.
        let column = unsafe UnsafeMutableBufferPointer(rebasing: numbers[..<count])
        try unsafe reader.read(into: column)
        return unsafe column
    }

    private mutating func copy(to section: Int, count: Int) throws(DecodingError) {
        let source = try unsafe reader.take(count)
        // Safety: the layout gives the section its place in the target.
        unsafe (target + section).copyMemory(from: source, byteCount: count)
    }

    private mutating func readNumbers(to section: Int, width: Int, count: Int)
        throws(DecodingError)
    {
        if width == 0 { return }
        let column = try unsafe read(count)
        for index in 0..<count {
            // Safety: the layout gives the section room for `count` numbers.
            unsafe Self.store(column[index], target + section, index, width)
        }
    }

    private mutating func readLengths(to section: Int, width: Int, count: Int)
        throws(DecodingError)
    {
        if width == 0 { return }
        // Safety: `read` fills `count` numbers; the section has room for one offset more.
        let column = try unsafe read(count)
        var offset: UInt64 = 0
        for index in 0..<count {
            // Safety: the section has room for one offset more than `count`.
            unsafe Self.store(offset, target + section, index, width)
            unsafe offset &+= column[index]
        }
        unsafe Self.store(offset, target + section, count, width)
    }

    private mutating func readBigEndian(to section: Int, width: Int, stride: Int, count: Int)
        throws(DecodingError)
    {
        let column = try unsafe read(count)
        if width == 8 {
            for index in 0..<count {
                // Safety: the layout gives the section room for `count` strides.
                unsafe target.storeBytes(
                    of: column[index].bigEndian, toByteOffset: section &+ index &* stride,
                    as: UInt64.self)
            }
            return
        }
        for index in 0..<count {
            // Safety: as above.
            var number = unsafe column[index]
            var place = section &+ index &* stride &+ width
            for _ in 0..<width {
                place &-= 1
                unsafe target.storeBytes(
                    of: UInt8(truncatingIfNeeded: number), toByteOffset: place, as: UInt8.self)
                number >>= 8
            }
        }
    }

    @inline(__always)
    private static func store(
        _ value: UInt64, _ section: UnsafeMutableRawPointer, _ index: Int, _ width: Int
    ) {
        // Safety: the caller's section has room for `index`.
        switch width {
        case 1:
            unsafe section.storeBytes(
                of: UInt8(truncatingIfNeeded: value), toByteOffset: index, as: UInt8.self)
        case 2:
            unsafe section.storeBytes(
                of: UInt16(truncatingIfNeeded: value).littleEndian, toByteOffset: index &* 2,
                as: UInt16.self)
        case 4:
            unsafe section.storeBytes(
                of: UInt32(truncatingIfNeeded: value).littleEndian, toByteOffset: index &* 4,
                as: UInt32.self)
        default:
            unsafe section.storeBytes(
                of: value.littleEndian, toByteOffset: index &* 8, as: UInt64.self)
        }
    }
}
