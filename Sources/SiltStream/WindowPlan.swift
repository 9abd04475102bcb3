/// How an operator cuts time for some of its windows: what an explanation of a job shows.
public struct WindowPlan: Hashable, Sendable {
    /// The windows that share the panes.
    public let windowNames: [String]
    /// The length of a pane; `nil` where panes have no fixed one.
    public let paneMilliseconds: Int64?
    /// How many panes of a key are open at once, at most, while no event is late; `nil` where that depends on the events.
    public let openPaneCount: Int64?
}

extension WindowOperator {
    /// How time is cut, finest panes first; then windows that have no panes, one by one.
    public var plans: [WindowPlan] {
        let waits = saturatingSum(
            watermarkSpec.outOfOrderMilliseconds ?? 0, watermarkSpec.allowedLatenessMilliseconds)
        var plans = grids.map { grid in
            let sizes = grid.members.map { WindowOperator.size(windows[$0.windowIndex].shape) }
            let size = sizes.contains(nil) ? nil : sizes.compactMap { $0 }.max()
            let open = size.map {
                saturatingSum(saturatingSum($0, waits) / max(1, grid.paneSize), 2)
            }
            return WindowPlan(
                windowNames: grid.members.map { windows[$0.windowIndex].name },
                paneMilliseconds: grid.calendar == nil && grid.paneSize > 0 ? grid.paneSize : nil,
                openPaneCount: grid.paneSize > 0 && grid.calendar == nil ? open : 2)
        }
        for index in sessionStores.map(\.windowIndex) + countStores.map(\.windowIndex) {
            plans.append(
                WindowPlan(
                    windowNames: [windows[index].name], paneMilliseconds: nil, openPaneCount: nil))
        }
        return plans
    }

    private static func size(_ shape: WindowSpec.Shape) -> Int64? {
        switch shape {
        case .tumbling(let size, _): size
        case .hopping(let size, _, _): size
        case .cumulate(let size, _, _): size
        case .session, .global, .count, .calendar: nil
        }
    }
}
