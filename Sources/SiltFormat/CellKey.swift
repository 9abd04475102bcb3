internal import CSiltstone
package import SiltBytes

/// The bytes by which a cell is ordered within a store.
///
/// Part of the format: docs/format/cell-key.md.
///
/// A *column key* is `escape(row) 00 escape(qualifier) 00`, where `escape` writes byte 00 as `01
/// 01` and byte 01 as `01 02`.
/// Byte-wise comparison of column keys is the order row, then qualifier. A *row prefix* is
/// `escape(row) 00`.
/// A *cell key* is a column key and a 17-byte tail: the time stamp with its sign bit flipped,
/// inverted, big-endian;
/// the inverted type code; the inverted sequence, big-endian. Byte-wise comparison is then the
/// cell order: row, qualifier,
/// time stamp descending, type code descending, sequence descending.
package enum CellKey {
    /// The bytes of a cell key after its column key.
    package static let tailByteCount = 17

    /// Appends `escape(component) 00`.
    package static func append(component: some Sequence<UInt8>, to key: inout [UInt8]) {
        for byte in component {
            if byte <= 1 {
                key.append(1)
                key.append(byte + 1)
            } else {
                key.append(byte)
            }
        }
        key.append(0)
    }

    /// Appends `escape(component) 00`: the same for an array, which is copied whole when it has
    /// nothing to escape.
    package static func append(component: [UInt8], to key: inout [UInt8]) {
        if needsEscape(component) {
            appendEscaped(component, to: &key)
        } else {
            key += component
            key.append(0)
        }
    }

    /// `escape(row) 00`: what every column key of the row begins with.
    package static func rowPrefix(_ row: Bytes) -> [UInt8] {
        // One piece of memory: this is done for each read.
        if needsEscape(row.array) { return escaped(row.array) }
        let count = row.count
        // Safety: the row and a zero are `count + 1` bytes, each written once.
        return unsafe [UInt8](unsafeUninitializedCapacity: count + 1) { buffer, initialized in
            unsafe copy(row.array, to: buffer, at: 0)
            unsafe buffer[count] = 0
            initialized = count + 1
        }
    }

    /// `escape(row) 00 escape(qualifier) 00`.
    package static func columnKey(row: Bytes, qualifier: Bytes) -> [UInt8] {
        if needsEscape(row.array) || needsEscape(qualifier.array) {
            var key: [UInt8] = []
            key.reserveCapacity(row.count + qualifier.count + 8)
            append(component: row.array, to: &key)
            append(component: qualifier.array, to: &key)
            return key
        }
        let count = row.count + qualifier.count + 2
        // Safety: row, zero, qualifier and zero are `count` bytes, each written once.
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            unsafe copy(row.array, to: buffer, at: 0)
            unsafe buffer[row.count] = 0
            unsafe copy(qualifier.array, to: buffer, at: row.count + 1)
            unsafe buffer[count - 1] = 0
            initialized = count
        }
    }

    /// Whether a byte of a component is written as two; without an early end, so that it is
    /// vectorised.
    static func needsEscape(_ component: [UInt8]) -> Bool {
        var least = UInt8.max
        for byte in component { least = min(least, byte) }
        return least <= 1
    }

    /// How many bytes of a component are written as two.
    @inline(__always)
    static func escapeCount(_ component: [UInt8]) -> Int { escapeCount(component.span) }

    /// How many bytes of a component are written as two.
    static func escapeCount(_ component: borrowing Span<UInt8>) -> Int {
        var count = 0
        for index in component.indices { count &+= component[index] <= 1 ? 1 : 0 }
        return count
    }

    private static func copy(
        _ bytes: [UInt8], to buffer: UnsafeMutableBufferPointer<UInt8>, at offset: Int
    ) {
        // Safety: the caller's buffer has room for the bytes from `offset` on.
        unsafe bytes.withUnsafeBufferPointer { source in
            guard let start = source.baseAddress, let target = buffer.baseAddress else { return }
            unsafe (target + offset).initialize(from: start, count: source.count)
        }
    }

    /// Appends the 17-byte tail.
    package static func appendTail(
        timestamp: Int64, type: UInt8, sequence: UInt64, to key: inout [UInt8]
    ) {
        let time = ~(UInt64(bitPattern: timestamp) ^ 1 << 63)
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            key.append(UInt8(truncatingIfNeeded: time >> shift))
        }
        key.append(~type)
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            key.append(UInt8(truncatingIfNeeded: ~sequence >> shift))
        }
    }

    /// The component that starts at `offset` of a column key, unescaped, and the offset after its
    /// terminator.
    package static func component(of key: [UInt8], at offset: Int)
        throws(DecodingError) -> (bytes: [UInt8], next: Int)
    {
        guard offset >= 0, offset < key.count,
            let end = key[offset...].firstIndex(of: 0)
        else { throw DecodingError(offset: offset, "key component has no end") }
        let escaped = key[offset..<end]
        guard let first = escaped.firstIndex(of: 1) else { return (Array(escaped), end + 1) }
        var bytes = Array(escaped[..<first])
        var index = first
        while index < end {
            let byte = escaped[index]
            if byte == 1 {
                guard index + 1 < end, escaped[index + 1] <= 2 else {
                    throw DecodingError(offset: index, "key escape is damaged")
                }
                bytes.append(escaped[index + 1] - 1)
                index += 2
            } else {
                bytes.append(byte)
                index += 1
            }
        }
        return (bytes, end + 1)
    }

    /// The length of the row prefix that begins a column key; all of it when it is damaged.
    package static func rowPrefixByteCount(of columnKey: UnsafeRawBufferPointer) -> Int {
        // Safety: the C function reads at most `count` bytes.
        unsafe min(silt_find_zero(columnKey.baseAddress, columnKey.count) + 1, columnKey.count)
    }

    /// The length of the row prefix that begins a column key; all of it when it is damaged.
    package static func rowPrefixByteCount(of columnKey: [UInt8]) -> Int {
        // Safety: the buffer is used only inside the closure.
        unsafe columnKey.withUnsafeBytes { unsafe rowPrefixByteCount(of: $0) }
    }

    /// Whether the bytes are a whole column key: two components, well escaped, and nothing after
    /// them.
    package static func isColumnKey(_ key: [UInt8]) -> Bool {
        guard let row = try? component(of: key, at: 0),
            let qualifier = try? component(of: key, at: row.next)
        else { return false }
        return qualifier.next == key.count
    }
}
