package import SiltBytes

/// What the column keys of some columns end with: their qualifiers, escaped and ended, one behind the other.
package struct ColumnEndings: Sendable {
    let bytes: [UInt8]
    private let ends: [Int]
    /// The length of the longest.
    let byteCountMax: Int

    /// The endings of columns, which are known by their places among these qualifiers.
    package init(_ qualifiers: [Bytes]) {
        var bytes: [UInt8] = []
        var ends: [Int] = []
        var longest = 0
        for qualifier in qualifiers {
            let ending = CellKey.rowPrefix(qualifier)
            bytes += ending
            ends.append(bytes.count)
            longest = max(longest, ending.count)
        }
        (self.bytes, self.ends, byteCountMax) = (bytes, ends, longest)
    }

    /// Where the ending of a column stands.
    @inline(__always)
    func range(_ column: Int) -> Range<Int> {
        (column == 0 ? 0 : ends[column - 1])..<ends[column]
    }
}
