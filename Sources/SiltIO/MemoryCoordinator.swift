package import SiltBytes
package import SiltModel
import Synchronization

/// A participant in the ownership of a memory disk.
package final class MemoryCoordinator: Coordinator {
    private let disk: MemoryDisk
    private let number: UInt64

    init(disk: MemoryDisk, number: UInt64) {
        self.disk = disk
        self.number = number
    }

    /// Becomes the owner; `conflict` when another participant is.
    package func join() throws(SiltstoneError) {
        let owner = disk.state.withLock { state in
            state.owner = state.owner ?? number
            return state.owner
        }
        guard owner == number else {
            throw SiltstoneError(.conflict, "disk is in use by another participant")
        }
    }

    /// Whether this participant is the owner.
    package var leaseIsValid: Bool { disk.state.withLock { $0.owner == number } }

    /// One epoch above the newest manifest's.
    package func claim(region: Identifier, above epoch: UInt64) throws(SiltstoneError) -> UInt64 {
        guard leaseIsValid else { throw SiltstoneError(.closed, "disk is not owned") }
        guard epoch < UInt64.max else {
            throw SiltstoneError(.corrupted, "epoch has no successor region=\(region)")
        }
        return epoch + 1
    }

    /// Gives ownership up.
    package func leave() {
        disk.state.withLock { state in
            if state.owner == number { state.owner = nil }
        }
    }
}

extension MemoryDisk {
    /// Takes ownership from whoever has it, as a lease that ran out does.
    package func revokeOwnership() { state.withLock { $0.owner = nil } }
}
