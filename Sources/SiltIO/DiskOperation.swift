/// The kinds of calls that a memory disk counts and that faults are planned for.
package enum DiskOperation: String, Hashable, Sendable, CaseIterable {
    /// `ObjectStore.putIfAbsent`.
    case putIfAbsent
    /// `ObjectStore.makeUnique`.
    case makeUnique
    /// `ObjectWriter.append`.
    case writerAppend
    /// `ObjectWriter.finish`.
    case writerFinish
    /// `ObjectStore.delete`.
    case delete
    /// `LogDevice.createSegment`.
    case createSegment
    /// `LogSegment.append` that need not be durable.
    case append
    /// `LogSegment.append` that must be durable.
    case appendDurably
    /// `LogSegment.sync`.
    case sync
    /// `LogSegment.close`.
    case closeSegment
    /// `LogDevice.trim`.
    case trim
    /// `ObjectStore.open`.
    case open
    /// `ObjectReader.read`.
    case read
    /// `ObjectStore.get`.
    case get
    /// `ObjectStore.size`.
    case size
    /// `ObjectStore.list`.
    case list
    /// `LogDevice.read`.
    case logRead
    /// `LogDevice.incarnations` and `segments`.
    case logList

    /// Whether the call can change what is stored.
    package var isMutating: Bool {
        switch self {
        case .putIfAbsent, .makeUnique, .writerAppend, .writerFinish, .delete, .createSegment,
            .append, .appendDurably, .sync, .closeSegment, .trim:
            true
        case .open, .read, .get, .size, .list, .logRead, .logList: false
        }
    }
}
