import SiltBytes
import SiltLSM
import SiltModel

extension TableLayout {
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

    /// The next version of the layout, with some regions replaced by others of the same rows.
    func replacing(_ places: Range<Int>, by groups: [TreeGroup]) -> TableLayout {
        var regions = regions
        regions.replaceSubrange(places, with: groups)
        var definition = definition
        definition.splitPoints = regions.dropFirst().map(\.range.start)
        return TableLayout(
            schemaNumber: schemaNumber + 1, definition: definition, families: families,
            nextFamily: nextFamily, regions: regions)
    }
}
