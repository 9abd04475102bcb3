/// What a filter says about one cell.
enum FilterDecision {
    /// Give the cell.
    case include
    /// Give the cell; the rest of its column is of no interest.
    case includeNextColumn
    /// Pass the cell over.
    case skip
    /// Pass the cell and the rest of its column over.
    case nextColumn
    /// Pass the rest of the family's part of the row over.
    case nextRow

    /// Whether the cell is given.
    var isIncluded: Bool { self == .include || self == .includeNextColumn }

    /// What a list says in which every filter must pass: the strictest.
    func and(_ other: FilterDecision) -> FilterDecision {
        for strict in [FilterDecision.nextRow, .nextColumn, .skip, .includeNextColumn]
        where self == strict || other == strict {
            return strict
        }
        return .include
    }
}
