internal import SiltBytes
internal import SiltFormat
internal import SiltModel
internal import Synchronization

/// Sends changes that were encoded for regions which were replaced since to those that took their place.
///
/// Runs with the lead of the commit queue held, under which regions are replaced.
enum WriteRouting {
    /// The same changes for regions that are there; `nil` when all of them are.
    static func moved(_ writes: [CommitWrite]) throws(SiltstoneError) -> [GroupWrite]? {
        guard writes.contains(where: { $0.group.hasMoved.load(ordering: .relaxed) }) else {
            return nil
        }
        var routed: [GroupWrite] = []
        for write in writes {
            let copy = OperationBuffer(copying: write.operations)
            try route(GroupWrite(group: write.group, operations: copy), into: &routed)
        }
        return routed
    }

    private static func route(_ write: GroupWrite, into routed: inout [GroupWrite])
        throws(SiltstoneError)
    {
        let successors = write.group.successors
        if successors.isEmpty {
            // Two regions that became one make one part of the batch.
            guard let index = routed.firstIndex(where: { $0.group === write.group }) else {
                routed.append(write)
                return
            }
            do throws(DecodingError) {
                try routed[index].operations.append(contentsOf: write.operations)
            } catch { throw damaged(error) }
            return
        }
        let parts: [OperationBuffer]
        do throws(DecodingError) {
            let bounds = successors.dropFirst().map { CellKey.rowPrefix($0.range.start) }
            parts = try write.operations.divided(at: bounds)
        } catch { throw damaged(error) }
        for (group, operations) in zip(successors, parts) where operations.count > 0 {
            try route(GroupWrite(group: group, operations: operations), into: &routed)
        }
    }

    private static func damaged(_ error: DecodingError) -> SiltstoneError {
        SiltstoneError(.corrupted, "batch is damaged: \(error.message)")
    }
}
