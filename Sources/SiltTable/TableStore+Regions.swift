package import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
package import SiltModel
import Synchronization

/// Splitting and merging regions, while readers and writers go on.
///
/// The next schema, which lists the new regions, is the commit point: before it the old regions are the
/// table's, after it the new ones.
extension TableStore {
    /// Cuts the region of a row in two, the second of which begins with the row; durable on return.
    ///
    /// Of a table with buckets it is the row's bucket that is cut.
    ///
    /// - Returns: whether there was anything to do: a region may begin there already.
    @discardableResult
    package func split(_ name: String, at row: Bytes) throws(SiltstoneError) -> Bool {
        try RowRules.check(row: row)
        return try changeRegions(name) { layout throws(SiltstoneError) in
            let index = layout.regionIndex(of: row)
            let range = layout.regions[index].range
            if range.start == row { return nil }
            return RegionChange(
                places: index..<(index + 1),
                ranges: [
                    RowKeyRange(start: range.start, end: row),
                    RowKeyRange(start: row, end: range.end),
                ])
        }
    }

    /// Cuts a region in two at about the middle of its cells; durable on return.
    ///
    /// - Returns: whether it was done: a region of few rows cannot be.
    @discardableResult
    package func split(_ name: String, region: Identifier) throws(SiltstoneError) -> Bool {
        let group = try table(name).layout().region(region)
        guard let row = try group.middleRow() else { return false }
        return try split(name, at: row)
    }

    /// Makes one region of two that are neighbours; durable on return.
    package func merge(_ name: String, _ first: Identifier, _ second: Identifier)
        throws(SiltstoneError)
    {
        try changeRegions(name) { layout throws(SiltstoneError) in
            let places = try [first, second].map { id throws(SiltstoneError) in
                try layout.regionIndex(of: id)
            }.sorted()
            let buckets = places.map { layout.buckets.bucket(ofRegion: $0) }
            guard places[0] + 1 == places[1], buckets[0] == buckets[1] else {
                throw SiltstoneError(
                    .invalidArgument, "regions are not neighbours first=\(first) second=\(second)")
            }
            let range = RowKeyRange(
                start: layout.regions[places[0]].range.start,
                end: layout.regions[places[1]].range.end)
            return RegionChange(places: places[0]..<(places[1] + 1), ranges: [range])
        }
    }

    /// Which regions of a layout are replaced, and by which.
    private struct RegionChange {
        let places: Range<Int>
        let ranges: [RowKeyRange]
    }

    @discardableResult
    private func changeRegions(
        _ name: String, _ choose: (TableLayout) throws(SiltstoneError) -> RegionChange?
    ) throws(SiltstoneError) -> Bool {
        try schemaChange.withLock { _ throws(SiltstoneError) in
            let table = try table(name)
            let layout = try table.layout()
            guard let change = try choose(layout) else { return false }
            let old = Array(layout.regions[change.places])
            let result = try engine.replace(old, with: change.ranges) {
                groups throws(SiltstoneError) in
                let next = layout.replacing(change.places, by: groups)
                try catalog.write(next.record(table: table.id))
                return { table.replaceLayout(next) }
            }
            regionChanges.note(pauseNanoseconds: result.pauseNanoseconds)
            return true
        }
    }
}
