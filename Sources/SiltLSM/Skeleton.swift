package import SiltBytes
package import SiltIO
package import SiltModel

// The engine's surface, to compile against while its parts are built.

package struct EngineMetrics: Sendable { package init() {} }
package struct GroupMetrics: Sendable { package init() {} }

package final class Engine: Sendable {
    package let environment: Environment
    private init() { preconditionFailure("not built") }
    package static func open(_ environment: Environment, _ options: EngineOptions) throws(SiltstoneError) -> Engine {
        preconditionFailure("not built")
    }
    package func createGroup(id: Identifier, table: Identifier, range: RowKeyRange, trees: [TreeOptions])
        throws(SiltstoneError) -> TreeGroup
    { preconditionFailure("not built") }
    package func openGroup(id: Identifier, table: Identifier, trees: [TreeOptions]) throws(SiltstoneError) -> TreeGroup
    { preconditionFailure("not built") }
    package func finishRecovery() throws(SiltstoneError) -> RecoveryReport { preconditionFailure("not built") }
    package func commit(_ writes: [GroupWrite], durability: Durability) throws(SiltstoneError) -> CommitReceipt {
        preconditionFailure("not built")
    }
    package func submit(
        _ writes: [GroupWrite], durability: Durability,
        completion: @escaping @Sendable (Result<CommitReceipt, SiltstoneError>) -> Void
    ) { preconditionFailure("not built") }
    package func dropGroup(_ group: TreeGroup) throws(SiltstoneError) { preconditionFailure("not built") }
    package func flushAll() throws(SiltstoneError) { preconditionFailure("not built") }
    package func sweep() throws(SiltstoneError) { preconditionFailure("not built") }
    package func close() throws(SiltstoneError) { preconditionFailure("not built") }
    package var metrics: EngineMetrics { EngineMetrics() }
}

package final class TreeGroup: Sendable {
    package let id: Identifier
    package let table: Identifier
    package let range: RowKeyRange
    private init() { preconditionFailure("not built") }
    package func snapshot() throws(SiltstoneError) -> GroupSnapshot { preconditionFailure("not built") }
    package func update(trees: [TreeOptions]) throws(SiltstoneError) { preconditionFailure("not built") }
    package func flush() throws(SiltstoneError) { preconditionFailure("not built") }
    package func compact() throws(SiltstoneError) { preconditionFailure("not built") }
    package var metrics: GroupMetrics { GroupMetrics() }
}

package final class GroupSnapshot: Sendable {
    package let sequence: UInt64
    private init() { preconditionFailure("not built") }
    package func cursor(family: UInt8, _ options: CursorOptions) throws(SiltstoneError) -> TreeCursor {
        preconditionFailure("not built")
    }
    package func mayHaveFamilyMarkers(family: UInt8) -> Bool { true }
}
