/// Decoded blocks of table files, within a budget of bytes.
package final class BlockCache: Sendable {
    /// The budget in bytes.
    package let capacityBytes: Int

    /// An empty cache.
    package init(capacityBytes: Int) { self.capacityBytes = capacityBytes }
}
