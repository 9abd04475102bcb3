package import SiltBytes
package import SiltModel

/// Who owns what: locally a lock on the data directory; in a cluster, leases.
package protocol Coordinator: Sendable {
    /// Takes part; afterwards no other process can. Throws `conflict` when another one does.
    func join() throws(SiltstoneError)

    /// Whether ownership is still certain; asked before each acknowledgement.
    var leaseIsValid: Bool { get }

    /// Claims a region and returns the epoch to write under, higher than `epoch` (the newest manifest's).
    func claim(region: Identifier, above epoch: UInt64) throws(SiltstoneError) -> UInt64

    /// Gives everything up.
    func leave()
}
