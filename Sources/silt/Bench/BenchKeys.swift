import SiltBytes

/// The keys and values of a benchmark: pure functions of a number and the seed, so that every value read can be checked.
struct BenchKeys: Sendable {
    /// How a key's number is written.
    enum Form: String, Sendable, CaseIterable {
        /// Decimal digits with zeros before them.
        case text
        /// As `db_bench` does: 8 bytes, big-endian, then the digit 0 up to the key's size.
        case binary
    }

    let keyBytes: Int
    let valueBytes: Int
    let form: Form
    let seed: UInt64
    private let noise: ValueNoise

    init(keyBytes: Int, valueBytes: Int, form: Form, seed: UInt64) {
        self.keyBytes = keyBytes
        self.valueBytes = valueBytes
        self.form = form
        self.seed = seed
        noise = ValueNoise(valueBytes: valueBytes, seed: seed)
    }

    /// The key of a number.
    func key(_ number: Int) -> Bytes {
        Bytes(made(number, byteCount: keyBytes))
    }

    /// The key of a number, made in `bytes`: nothing is allocated unless the last one is still in use.
    @inline(__always)
    func key(_ number: Int, in bytes: inout [UInt8]) -> Bytes {
        key(number, byteCount: keyBytes, in: &bytes)
    }

    @inline(__always)
    private func key(_ number: Int, byteCount: Int, in bytes: inout [UInt8]) -> Bytes {
        if bytes.count != byteCount {
            bytes = [UInt8](repeating: 0x30, count: byteCount)
        } else if form == .text {
            for index in 0..<byteCount { bytes[index] = 0x30 }
        }
        fill(&bytes, number)
        return Bytes(bytes)
    }

    /// A key that no workload writes, among those that are written: one byte longer.
    func missingKey(_ number: Int) -> Bytes {
        Bytes(made(number, byteCount: keyBytes + 1))
    }

    /// The same, made in `bytes`.
    @inline(__always)
    func missingKey(_ number: Int, in bytes: inout [UInt8]) -> Bytes {
        key(number, byteCount: keyBytes + 1, in: &bytes)
    }

    @inline(__always)
    private func made(_ number: Int, byteCount: Int) -> [UInt8] {
        // Safety: every byte of the array is written.
        var bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
            unsafe buffer.update(repeating: 0x30)
            initialized = byteCount
        }
        fill(&bytes, number)
        return bytes
    }

    private func fill(_ bytes: inout [UInt8], _ number: Int) {
        switch form {
        case .text:
            var rest = UInt64(number)
            var index = keyBytes
            while rest != 0, index > 0 {
                index -= 1
                bytes[index] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
        case .binary:
            // Safety: keys have at least 8 bytes.
            unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe buffer.storeBytes(of: UInt64(number).bigEndian, as: UInt64.self)
            }
        }
    }

    /// The value of a number; see `ValueNoise`.
    func value(_ number: Int) -> Bytes { Bytes(noise.value(number)) }

    /// The value of a number, made in `bytes` as keys are.
    @inline(__always)
    func value(_ number: Int, in bytes: inout [UInt8]) -> Bytes {
        if bytes.count != valueBytes { bytes = [UInt8](repeating: 0, count: valueBytes) }
        // Safety: the array has the length of a value.
        unsafe bytes.withUnsafeMutableBytes { buffer in
            if let target = buffer.baseAddress { unsafe noise.write(number, to: target) }
        }
        return Bytes(bytes)
    }

    /// Whether a value is the one of a number.
    func isValue(_ value: Bytes, of number: Int) -> Bool {
        // Safety: the buffer is used only inside the closure.
        unsafe value.array.withUnsafeBytes { bytes in unsafe noise.isValue(bytes, of: number) }
    }

    /// Whether a value is the one of a number.
    @inline(__always)
    func isValue(_ value: borrowing Span<UInt8>, of number: Int) -> Bool {
        // Safety: the buffer is used only inside the closure.
        unsafe value.withUnsafeBytes { bytes in unsafe noise.isValue(bytes, of: number) }
    }

    /// Whether a key is the one of a number; `scratch` is room to compare with.
    @inline(__always)
    func isKey(_ key: Bytes, of number: Int, _ scratch: inout [UInt8]) -> Bool {
        if form == .binary {
            return key.count == keyBytes && isBinaryKey(key.array, of: number)
        }
        return isMadeKey(key, of: number, &scratch)
    }

    private func isMadeKey(_ key: Bytes, of number: Int, _ scratch: inout [UInt8]) -> Bool {
        guard key.count == keyBytes else { return false }
        if scratch.count != keyBytes { scratch = [UInt8](repeating: 0x30, count: keyBytes) }
        if form == .text {
            for index in 0..<keyBytes { scratch[index] = 0x30 }
        }
        fill(&scratch, number)
        return scratch == key.array
    }

    /// A few instructions for what is asked of every cell.
    @inline(__always)
    private func isBinaryKey(_ key: [UInt8], of number: Int) -> Bool {
        // Safety: the key has at least 8 bytes; every word that is loaded lies within it.
        unsafe key.withUnsafeBytes { bytes in
            var isEqual =
                unsafe bytes.loadUnaligned(as: UInt64.self) == UInt64(number).bigEndian
            var index = 8
            while index &+ 8 <= bytes.count {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                isEqual = isEqual && word == 0x3030_3030_3030_3030
                index &+= 8
            }
            while index < bytes.count {
                isEqual = unsafe isEqual && bytes[index] == 0x30
                index &+= 1
            }
            return isEqual
        }
    }
}
