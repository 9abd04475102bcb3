import SiltBytes
import SiltModel

/// Gives the rows of a table's buckets, each of which is scanned in order, in the order of all.
///
/// With a filter the rows are only found side by side and judged one after the other, so that a filter which
/// remembers what it saw sees one ordered stream. Without one each scanner reads its next row at once.
final class BucketMerge {
    private struct Head {
        let scanner: RegionScanner
        /// What the scanner stands at: the key of a row that was read, the prefix of one that was only found.
        var key: [UInt8] = []
        var row: Row?
    }

    private let isReversed: Bool
    private let hasFilter: Bool
    /// The scanners that have not come to their end: a heap, whose first one has the next row.
    private var heads: [Head] = []
    /// Those that have not begun.
    private var waiting: [RegionScanner]

    init(_ scanners: [RegionScanner], isReversed: Bool, hasFilter: Bool) {
        waiting = scanners
        self.isReversed = isReversed
        self.hasFilter = hasFilter
    }

    /// The next row that has cells to show; `nil` at the end.
    func next() throws(SiltstoneError) -> Row? {
        try begin()
        while !heads.isEmpty {
            if !hasFilter {
                let row = heads[0].row
                try advanceFirst()
                return row
            }
            switch try heads[0].scanner.judge() {
            case .row(let row):
                try advanceFirst()
                return row
            case .nothing: try advanceFirst()
            case .end: heads = []
            }
        }
        return nil
    }

    private func begin() throws(SiltstoneError) {
        if waiting.isEmpty { return }
        for scanner in waiting {
            var head = Head(scanner: scanner)
            if try advance(&head) { heads.append(head) }
        }
        waiting = []
        for place in (0..<heads.count / 2).reversed() { sift(place) }
    }

    /// Moves the first scanner to its next row.
    private func advanceFirst() throws(SiltstoneError) {
        if try !advance(&heads[0]) {
            heads.swapAt(0, heads.count - 1)
            heads.removeLast()
        }
        sift(0)
    }

    private func advance(_ head: inout Head) throws(SiltstoneError) -> Bool {
        if hasFilter {
            guard try head.scanner.find() else { return false }
            head.key = head.scanner.prefix
            return true
        }
        head.row = try head.scanner.next()
        guard let row = head.row else { return false }
        head.key = row.key.array
        return true
    }

    /// Moves a head down until it comes before those below it.
    private func sift(_ start: Int) {
        var place = start
        while true {
            var first = place
            for below in [2 * place + 1, 2 * place + 2] where below < heads.count {
                if precedes(heads[below].key, heads[first].key) { first = below }
            }
            if first == place { return }
            heads.swapAt(place, first)
            place = first
        }
    }

    private func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        let order = KeyComparison.order(left, right)
        return isReversed ? order > 0 : order < 0
    }
}
