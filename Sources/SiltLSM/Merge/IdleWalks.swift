internal import Synchronization

/// Walks over one version of a tree that nobody uses now: making one costs more than a seek.
///
/// Safe to use from any thread.
final class IdleWalks: Sendable {
    /// More are not kept.
    private static let countMax = 4

    // Safety: whoever takes the walk out is the only one to use it.
    private struct Idle: @unchecked Sendable {
        let walk: CellWalk
    }

    private let walks = Mutex<[Idle]>([])

    /// A walk, which is then the caller's alone.
    func take() -> CellWalk? { walks.withLock { $0.popLast() }?.walk }

    /// Takes a walk back that the caller will not use again.
    func put(_ walk: CellWalk) {
        walk.rest()
        let idle = Idle(walk: walk)
        walks.withLock { if $0.count < Self.countMax { $0.append(idle) } }
    }
}
