import SiltModel

/// Cuts a body that comes in pieces into its records.
///
/// What was not cut yet is kept, and looked at once.
struct RecordSplitter {
    /// Where records end.
    enum Kind {
        /// At line breaks.
        case lines
        /// At line breaks outside of quoted fields.
        case csv
        /// Lines of objects, or the objects of one array: the first sign tells.
        case json
    }

    /// A record and the line that it begins in, counted from 1.
    struct Record {
        let line: Int
        let bytes: [UInt8]
    }

    /// The longest record, in bytes.
    private static let recordBytesMax = 64 << 20

    private enum Quote {
        case fieldBegins, plain, quoted, quoteInQuoted
    }

    private enum ArrayState {
        case begins, element, elementEnds, needsElement, ended
    }

    private var kind: Kind
    private var bytes: [UInt8] = []
    /// Where the next record begins.
    private var start = 0
    /// How far was looked.
    private var index = 0
    /// The line in which the next record begins.
    private(set) var line = 1
    /// Line breaks between `start` and `index`.
    private var newlines = 0
    private var quote = Quote.fieldBegins
    /// `nil` while it is not told yet, or when the body is no array.
    private var array: ArrayState?
    private var depth = 0
    private var isInText = false
    private var isEscaped = false

    init(_ kind: Kind) { self.kind = kind }

    /// Bytes of a record that has not ended yet.
    var heldBytes: Int { bytes.count - start }

    mutating func add(_ piece: [UInt8]) {
        if start > 0 {
            bytes.removeSubrange(..<start)
            index -= start
            start = 0
        }
        bytes.append(contentsOf: piece)
    }

    /// The next record; `nil` when more bytes are needed, or with `isLast` at the end.
    mutating func next(isLast: Bool) throws(SiltstoneError) -> Record? {
        let record: Record?
        if kind == .json, array == nil { findShape() }
        switch kind {
        case .lines: record = nextLine(isLast)
        case .csv: record = try nextQuotedLine(isLast)
        case .json: record = array == nil ? nil : try nextElement(isLast)
        }
        if record == nil, heldBytes > Self.recordBytesMax {
            throw error("record is longer than \(Self.recordBytesMax) bytes")
        }
        return record
    }

    private func error(_ what: String) -> SiltstoneError {
        SiltstoneError(.invalidArgument, "\(what) line=\(line)")
    }

    /// Gives out the bytes up to `end`; the next record begins at `next`.
    private mutating func take(_ end: Int, _ next: Int) -> Record {
        var last = end
        if last > start, bytes[last - 1] == 0x0d { last -= 1 }
        let record = Record(line: line, bytes: Array(bytes[start..<last]))
        start = next
        index = next
        line += newlines
        newlines = 0
        return record
    }

    private mutating func nextLine(_ isLast: Bool) -> Record? {
        guard let end = bytes[index...].firstIndex(of: 0x0a) else {
            index = bytes.count
            return isLast && start < bytes.count ? take(bytes.count, bytes.count) : nil
        }
        newlines = 1
        return take(end, end + 1)
    }

    private mutating func nextQuotedLine(_ isLast: Bool) throws(SiltstoneError) -> Record? {
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == 0x0a { newlines += 1 }
            switch (quote, byte) {
            case (.fieldBegins, 0x22), (.quoteInQuoted, 0x22): quote = .quoted
            case (.quoted, 0x22): quote = .quoteInQuoted
            case (.quoted, _): break
            case (_, 0x0a):
                quote = .fieldBegins
                return take(index - 1, index)
            case (_, 0x2c): quote = .fieldBegins
            default: quote = .plain
            }
        }
        guard isLast, start < bytes.count else { return nil }
        if quote == .quoted { throw error("quoted field has no end") }
        return take(bytes.count, bytes.count)
    }

    /// Tells an array from lines by the first sign.
    private mutating func findShape() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x0a:
                line += 1
                index += 1
            case 0x20, 0x09, 0x0d: index += 1
            case 0x5b:
                array = .begins
                index += 1
                start = index
                return
            default:
                kind = .lines
                return
            }
            start = index
        }
    }

    private mutating func nextElement(_ isLast: Bool) throws(SiltstoneError) -> Record? {
        while index < bytes.count {
            let byte = bytes[index]
            if array == .element {
                index += 1
                if byte == 0x0a { newlines += 1 }
                if isInText {
                    if isEscaped {
                        isEscaped = false
                    } else if byte == 0x5c {
                        isEscaped = true
                    } else if byte == 0x22 {
                        isInText = false
                    }
                    continue
                }
                switch byte {
                case 0x22: isInText = true
                case 0x7b, 0x5b: depth += 1
                case 0x7d, 0x5d:
                    depth -= 1
                    if depth == 0 {
                        array = .elementEnds
                        return take(index, index)
                    }
                default: break
                }
                continue
            }
            switch (array, byte) {
            case (_, 0x0a): line += 1
            case (_, 0x20), (_, 0x09), (_, 0x0d): break
            case (.begins, 0x7b), (.needsElement, 0x7b):
                array = .element
                continue
            case (.begins, 0x5d), (.elementEnds, 0x5d): array = .ended
            case (.elementEnds, 0x2c): array = .needsElement
            case (.ended, _): throw error("text goes on after the array")
            case (.elementEnds, _): throw error("array has no ',' or ']' here")
            default: throw error("array has an element that is no object")
            }
            index += 1
            start = index
        }
        if isLast, array != .ended { throw error("array has no end") }
        return nil
    }
}
