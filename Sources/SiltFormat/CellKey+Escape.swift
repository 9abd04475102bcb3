internal import CSiltstone

/// Escaping and unescaping without a call for each byte.
extension CellKey {
    /// Appends `escape(component) 00` for a component that has bytes to escape.
    static func appendEscaped(_ component: [UInt8], to key: inout [UInt8]) {
        key += escaped(component)
    }

    /// `escape(component) 00` for a component that has bytes to escape.
    static func escaped(_ component: [UInt8]) -> [UInt8] {
        // Safety: a byte takes two places at most, and the zero one: the capacity; the component lends its bytes for the call.
        unsafe [UInt8](unsafeUninitializedCapacity: component.count * 2 + 1) {
            buffer, initialized in
            initialized = unsafe component.withUnsafeBytes { source in
                unsafe silt_escape(buffer.baseAddress, source.baseAddress, source.count)
            }
        }
    }

    /// The row of a row prefix, unescaped, in place of what `row` holds.
    ///
    /// - Returns: whether the prefix is well formed.
    package static func unescape(rowPrefix prefix: UnsafeRawBufferPointer, into row: inout [UInt8])
        -> Bool
    {
        row.removeAll(keepingCapacity: true)
        let count = prefix.count - 1
        guard count >= 0 else { return false }
        // Safety: every index is below the prefix's count.
        var least = UInt8.max
        for index in 0..<count { unsafe least = min(least, prefix[index]) }
        if least > 1 {
            unsafe row.append(contentsOf: UnsafeRawBufferPointer(rebasing: prefix[..<count]))
            return true
        }
        row.reserveCapacity(count)
        var index = 0
        while index < count {
            let byte = unsafe prefix[index]
            if byte == 1 {
                guard index + 1 < count, unsafe prefix[index + 1] <= 2 else { return false }
                unsafe row.append(prefix[index + 1] &- 1)
                index += 2
            } else {
                row.append(byte)
                index += 1
            }
        }
        return true
    }

    /// Writes the row of a row prefix, unescaped, to `target`, which has room for as many bytes as
    /// the prefix has.
    ///
    /// - Returns: its length; -1 when the prefix is damaged.
    package static func unescape(
        rowPrefix prefix: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer
    ) -> Int {
        guard let source = prefix.baseAddress, prefix.count > 0 else { return -1 }
        let end = prefix.count - 1
        var place = 0
        var count = 0
        // Safety: `place` is below the prefix's count, and `count` never above `place`.
        while place < end {
            var byte = unsafe source.load(fromByteOffset: place, as: UInt8.self)
            if byte == 1 {
                place &+= 1
                guard place < end else { return -1 }
                byte = unsafe source.load(fromByteOffset: place, as: UInt8.self)
                guard byte == 1 || byte == 2 else { return -1 }
                byte &-= 1
            }
            unsafe target.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
            count &+= 1
            place &+= 1
        }
        return count
    }

    /// Whether bytes are one component: `escape(bytes) 00`, and nothing after it.
    package static func isComponent(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let last = unsafe bytes.last, last == 0 else { return false }
        var place = 0
        // Safety: every index is below the count.
        while place < bytes.count - 1 {
            let byte = unsafe bytes[place]
            if byte == 0 { return false }
            if byte == 1 {
                place += 1
                guard place < bytes.count - 1, unsafe bytes[place] == 1 || bytes[place] == 2 else {
                    return false
                }
            }
            place += 1
        }
        return true
    }
}
