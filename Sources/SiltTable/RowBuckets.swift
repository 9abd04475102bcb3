import SiltBytes
import SiltLSM
import SiltModel

/// How the regions of a table are divided among buckets, to which rows belong by the hash of their keys.
///
/// Part of the format: docs/format/schema.md. A table that does not hash has one bucket.
struct RowBuckets: Sendable {
    /// The number of each bucket's first region, and at last how many regions there are.
    private let starts: [Int]

    /// The buckets of regions that come bucket by bucket: where the first row is, one begins.
    init(_ regions: [TreeGroup]) {
        starts = regions.indices.filter { regions[$0].range.start.isEmpty } + [regions.count]
    }

    /// How many buckets there are.
    var count: Int { starts.count - 1 }

    /// The regions of a bucket.
    subscript(bucket: Int) -> Range<Int> { starts[bucket]..<starts[bucket + 1] }

    /// The regions of the bucket that a row belongs to.
    func regions(of row: Bytes) -> Range<Int> {
        if count == 1 { return 0..<starts[1] }
        return self[RowBuckets.bucket(of: row, among: count)]
    }

    /// The bucket of a region.
    func bucket(ofRegion region: Int) -> Int {
        (starts.firstIndex { $0 > region } ?? starts.count) - 1
    }

    /// The bucket that a row belongs to.
    static func bucket(of row: Bytes, among count: Int) -> Int {
        Int(Hash64.hash(row.array).multipliedFullWidth(by: UInt64(count)).high)
    }
}
