/// Locks on rows.
final class RowLocks: Sendable {}
