/// The count windows of one specification: for each key a queue of panes of equally many events.
///
/// A pane holds as many events as divide both size and slide, so that every window is a union of
/// panes.
struct CountStore: Sendable {
    /// A window that is complete.
    struct Firing {
        let start: Int64
        let end: Int64
        /// The slots of its panes.
        let slots: [UInt32]
        /// Those of them that no later window needs.
        let freed: [UInt32]
    }

    struct Queue: Sendable {
        /// The events of the key so far.
        var count: Int64 = 0
        /// The slots of the last panes, the oldest first.
        var slots: [UInt32] = []
    }

    let windowIndex: Int
    let size: Int64
    let slide: Int64
    let paneSize: Int64
    private(set) var queues: [UInt32: Queue] = [:]

    init(windowIndex: Int, size: Int64, slide: Int64) {
        self.windowIndex = windowIndex
        self.size = size
        self.slide = slide
        var (a, b) = (size, slide)
        while b != 0 { (a, b) = (b, a % b) }
        paneSize = a
    }

    /// The keys with events.
    var keys: [UInt32] { Array(queues.keys) }

    /// The slot of a key's next event, and the window that it completes.
    mutating func take(
        _ key: UInt32, _ allocator: inout SlotAllocator
    ) -> (slot: UInt32, firing: Firing?) {
        var queue = queues[key] ?? Queue()
        var freed: [UInt32] = []
        if queue.count % paneSize == 0 { queue.slots.append(allocator.make()) }
        let slot = queue.slots.last ?? 0
        queue.count &+= 1
        var firing: Firing?
        if queue.count % slide == 0 {
            let start = max(0, queue.count - size)
            let wanted = Int((queue.count - start + paneSize - 1) / paneSize)
            let slots = Array(queue.slots.suffix(wanted))
            freed = trim(&queue)
            firing = Firing(start: start, end: queue.count, slots: slots, freed: freed)
        }
        queues[key] = queue
        return (slot, firing)
    }

    /// Drops the panes that end before the next window begins.
    private func trim(_ queue: inout Queue) -> [UInt32] {
        let next = queue.count + slide - size
        let first = queue.count - Int64(queue.slots.count) * paneSize
        let dropped = max(0, min(Int64(queue.slots.count), (next - first) / paneSize))
        let freed = Array(queue.slots.prefix(Int(dropped)))
        queue.slots.removeFirst(Int(dropped))
        return freed
    }

    /// Puts back the queue of a key.
    mutating func restore(_ key: UInt32, _ queue: Queue) { queues[key] = queue }

    /// How many panes a key has after so many events.
    func paneCount(after count: Int64) -> Int64 {
        let open = count % paneSize == 0 ? 0 : 1 as Int64
        let fired = count - count % slide
        // Panes since the window after the last one given may begin.
        let from = max(0, fired + slide - size)
        let kept = fired == 0 ? 0 : min(from, fired)
        return (count - count % paneSize - kept) / paneSize + open
    }

    /// Forgets everything.
    mutating func removeAll() { queues = [:] }
}
