/// A place in a line of Influx line protocol, and what can be taken from there on.
package struct LineProtocolCursor {
    /// What ends a measurement, or a value that is no text.
    package static let nameStops: [UInt8] = [0x2c, 0x20]
    /// What ends the name or the value of a tag, and the name of a field.
    package static let keyStops: [UInt8] = [0x2c, 0x3d, 0x20]

    /// The place, counted from the beginning of the bytes.
    package private(set) var index: Int
    private let bytes: [UInt8]
    private let end: Int

    /// The beginning of a line.
    package init(_ bytes: [UInt8], _ line: Range<Int>) {
        self.bytes = bytes
        index = line.lowerBound
        end = line.upperBound
    }

    /// Whether nothing is left.
    package var isAtEnd: Bool { index >= end }

    /// Takes a byte when it is the next one.
    package mutating func take(_ byte: UInt8) -> Bool {
        guard index < end, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    /// Takes blanks.
    package mutating func skipBlanks() { while take(0x20) {} }

    /// Bytes up to one that ends a name; a backslash before such a one makes it part of the name.
    package mutating func takeName(stops: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        while index < end {
            let byte = bytes[index]
            if stops.contains(byte) { break }
            if byte == 0x5c, index + 1 < end, [0x2c, 0x3d, 0x20].contains(bytes[index + 1]) {
                index += 1
            }
            text.append(bytes[index])
            index += 1
        }
        return text
    }

    /// A text after its opening quote; `nil` when it is never closed.
    package mutating func takeText() -> [UInt8]? {
        var text: [UInt8] = []
        while index < end {
            var byte = bytes[index]
            index += 1
            if byte == 0x22 { return text }
            if byte == 0x5c, index < end, bytes[index] == 0x22 || bytes[index] == 0x5c {
                byte = bytes[index]
                index += 1
            }
            text.append(byte)
        }
        return nil
    }

    /// What is left but blanks at its end.
    package mutating func takeRest() -> ArraySlice<UInt8> {
        var last = end
        while last > index, bytes[last - 1] == 0x20 { last -= 1 }
        defer { index = end }
        return bytes[index..<last]
    }
}
