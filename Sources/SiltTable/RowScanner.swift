import SiltBytes
import SiltIO
package import SiltModel

/// Reads the rows of a range in order. Not Sendable: one thread at a time.
package final class RowScanner {
    init(layout: TableLayout, range: RowRange, projection: Projection, clock: any Clock)
        throws(SiltstoneError)
    {}

    /// The next row that has cells to show; `nil` at the end.
    package func next() throws(SiltstoneError) -> Row? {
        throw SiltstoneError(.unavailable, "not built")
    }
}
