@testable import SiltLSM

/// A cell that a walk showed.
struct ShownCell: Equatable {
    var row: [UInt8]
    /// How the cell's column key ends: its qualifier, escaped.
    var end: [UInt8]
    var timestamp: Int64
    var value: [UInt8]
    var startsRow: Bool

    /// What a walk shows from where it stands, in some batches.
    static func take(_ walk: CellWalk, batches: Int = .max) throws -> [ShownCell] {
        var shown: [ShownCell] = []
        var left = batches
        while left > 0 {
            left -= 1
            let count = try walk.fill()
            if count == 0 { break }
            for index in 0..<count {
                let cell = unsafe walk.cells[index]
                shown.append(
                    ShownCell(
                        row: unsafe Array(cell.rowBytes), end: walk.suffix(Int(cell.column)),
                        timestamp: cell.timestamp, value: unsafe Array(cell.valueBytes),
                        startsRow: cell.startsRow))
            }
        }
        return shown
    }
}
