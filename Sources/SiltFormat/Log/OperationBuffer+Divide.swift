package import SiltBytes

extension OperationBuffer {
    /// The same operations shared out by their rows, in their order.
    ///
    /// - Parameter bounds: the row prefixes at which the second part and those after it begin, ascending.
    package func divided(at bounds: [[UInt8]]) throws(DecodingError) -> [OperationBuffer] {
        if bounds.isEmpty { return [self] }
        let bytes = bytes
        var parts = [OperationBuffer](repeating: OperationBuffer(), count: bounds.count + 1)
        var reader = OperationReader(bytes, range: 0..<bytes.count)
        var start = 0
        while let operation = try reader.next() {
            let key = bytes[operation.key]
            let part = bounds.count { !key.lexicographicallyPrecedes($0) }
            parts[part].append(
                encoded: bytes[start..<operation.value.upperBound], family: operation.family)
            start = operation.value.upperBound
        }
        return parts
    }

    /// Appends all operations of another buffer.
    package mutating func append(contentsOf other: OperationBuffer) throws(DecodingError) {
        let bytes = other.bytes
        var reader = OperationReader(bytes, range: 0..<bytes.count)
        var start = 0
        while let operation = try reader.next() {
            append(
                encoded: bytes[start..<operation.value.upperBound],
                family: operation.family)
            start = operation.value.upperBound
        }
    }
}
