internal import SiltBytes

/// Collects the data blocks of a file in order and makes the payload of its index block.
///
/// Between two blocks stands the shortest byte string that is not before the last cell of the one
/// and
/// before the first cell of the next. Part of the format: docs/format/table.md.
package struct IndexBuilder: ~Copyable, Sendable {
    /// The layout's version, the first byte of the payload.
    static let version: UInt8 = 1
    /// The bytes before the first section.
    static let headerByteCount = 16
    /// The bytes of one block's entry.
    static let entryByteCount = 24

    /// How many blocks were added.
    package var count: Int { entries.count }
    /// The size that the payload will have at most, in bytes.
    package var estimatedByteCount: Int {
        Self.headerByteCount + separatorByteCount + lastKey.count + count
            * (Self.entryByteCount + 12) + 4
    }

    private var entries: [IndexEntry] = []
    private var separators: [[UInt8]] = []
    private var separatorByteCount = 0
    private var lastKey: [UInt8] = []

    /// A builder without blocks.
    package init() {}

    /// Adds a block whose first and last cell keys are these.
    package mutating func append(first: [UInt8], last: [UInt8], _ entry: IndexEntry) {
        if !entries.isEmpty { add(Self.separator(from: lastKey, to: first)) }
        entries.append(entry)
        lastKey = last
    }

    /// The payload; afterwards there are no blocks.
    package mutating func finish() -> [UInt8] {
        if !entries.isEmpty { add(lastKey) }
        var shared = 0
        if let first = separators.first, let last = separators.last {
            while shared < min(first.count, last.count), first[shared] == last[shared] {
                shared += 1
            }
        }
        var writer = ByteWriter(capacity: estimatedByteCount)
        writer.write(Self.version)
        writer.write(contentsOf: [0, 0, 0])
        writer.write(UInt32(entries.count))
        writer.write(UInt32(shared))
        writer.write(UInt32(separatorByteCount - shared * separators.count))
        for separator in separators {
            for index in shared..<(shared + 8) {
                writer.write(index < separator.count ? separator[index] : 0)
            }
        }
        for entry in entries {
            writer.write(entry.offset)
            writer.write(UInt32(entry.storedByteCount))
            writer.write(UInt32(entry.rawByteCount))
            writer.write(UInt32(entry.entryCount))
            writer.write(UInt32(entry.markerCount))
        }
        var end: UInt32 = 0
        writer.write(end)
        for separator in separators {
            end += UInt32(separator.count - shared)
            writer.write(end)
        }
        if let first = separators.first { writer.write(contentsOf: first[..<shared]) }
        for separator in separators { writer.write(contentsOf: separator[shared...]) }
        self = IndexBuilder()
        return writer.bytes
    }

    /// The shortest byte string that is at or after `last` and before `next`; `last` sorts before
    /// `next`.
    static func separator(from last: [UInt8], to next: [UInt8]) -> [UInt8] {
        var index = 0
        while index < min(last.count, next.count), last[index] == next[index] { index += 1 }
        if index == last.count || index == next.count { return last }
        if index + 1 < next.count { return Array(next[...index]) }
        if next[index] - last[index] > 1 { return Array(last[..<index]) + [last[index] + 1] }
        return last
    }

    private mutating func add(_ separator: [UInt8]) {
        separators.append(separator)
        separatorByteCount += separator.count
    }
}
