/// The newest cells of one tree, in memory and in order.
///
/// One thread at a time inserts; any number read at the same time and never wait for a lock.
package final class Memtable: @unchecked Sendable {
    /// The number of the first log segment that holds cells of this memtable; set by the owner before it is shared.
    package let firstLogSegment: UInt64

    /// An empty memtable with room for `capacityBytes`.
    package init(capacityBytes: Int, firstLogSegment: UInt64) {
        self.firstLogSegment = firstLogSegment
    }

    /// Whether `count` cells, whose column keys and values are `bytes` long together, fit.
    package func hasRoom(forBytes bytes: Int, count: Int) -> Bool { true }

    /// Inserts a cell. It must fit: ask `hasRoom`. Visible to readers on return.
    package func insert(
        columnKey: UnsafeRawBufferPointer, timestamp: Int64, type: UInt8, flags: UInt8, sequence: UInt64,
        value: UnsafeRawBufferPointer
    ) {}

    /// The bytes of memory in use.
    package var byteCount: Int { 0 }
    /// How many cells there are.
    package var cellCount: Int { 0 }
    /// How many of them are delete markers.
    package var markerCount: Int { 0 }
    /// How many of the markers are of a whole family.
    package var familyMarkerCount: Int { 0 }
    /// The smallest time stamp; `Int64.max` when empty.
    package var minTimestamp: Int64 { .max }
    /// The greatest time stamp; `Int64.min` when empty.
    package var maxTimestamp: Int64 { .min }
    /// The highest sequence number; 0 when empty.
    package var maxSequence: UInt64 { 0 }
}
