import SiltBytes
import SiltLSM
import SiltModel

extension TableLayout {
    /// The rows at which regions begin that begin at these.
    static func splitPoints(_ starts: [Bytes]) -> [Bytes] {
        Set(starts.filter { !$0.isEmpty }).sorted()
    }

    /// The region of an identifier.
    func region(_ id: Identifier) throws(SiltstoneError) -> TreeGroup {
        regions[try regionIndex(of: id)]
    }

    /// The number of the region of an identifier.
    func regionIndex(of id: Identifier) throws(SiltstoneError) -> Int {
        guard let index = regions.firstIndex(where: { $0.id == id }) else {
            throw SiltstoneError(
                .notFound, "no such region table=\(definition.name) region=\(id)")
        }
        return index
    }

    /// The regions of a bucket that rows of a span can be in.
    func regions(of span: RowSpan, in bucket: Range<Int>) -> Range<Int> {
        if span.isEmpty { return bucket.lowerBound..<bucket.lowerBound }
        let first = span.start.isEmpty ? bucket.lowerBound : regionIndex(of: span.start, in: bucket)
        guard let end = span.end else { return first..<bucket.upperBound }
        return first..<max(first, regionIndex(of: end, in: bucket)) + 1
    }

    /// The next version of the layout, with some regions replaced by others of the same rows.
    func replacing(_ places: Range<Int>, by groups: [TreeGroup]) -> TableLayout {
        var regions = regions
        regions.replaceSubrange(places, with: groups)
        var definition = definition
        definition.splitPoints = TableLayout.splitPoints(regions.map(\.range.start))
        return TableLayout(
            schemaNumber: schemaNumber + 1, definition: definition, families: families,
            nextFamily: nextFamily, regions: regions)
    }
}
