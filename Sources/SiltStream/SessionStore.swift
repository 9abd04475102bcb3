/// The open sessions of one session window, by key, and a heap of the watermarks they wait for.
///
/// Live sessions of a key neither overlap nor touch. A session's heap entry may be older than its
/// end: it is corrected when it comes up.
struct SessionStore: Sendable {
    struct Session: Sendable {
        var key: UInt32
        var slot: UInt32
        var start: Int64
        var end: Int64
        /// How often its row was given with these bounds.
        var revision: UInt32
        /// The next session of the key, plus one; 0 at the end.
        var next: UInt32 = 0
        /// Counts the sessions that lived in this place.
        var generation: UInt32 = 0
        var isLive = true
        /// The watermark at which it was last found due, so that two heap entries fire it once.
        var dueAt = Int64.min

        var isGiven: Bool { revision > 0 }
    }

    /// What became of an event.
    struct Outcome {
        /// The slot the event goes to; 0 when it is refused.
        var slot: UInt32 = 0
        /// The session it is in.
        var session = 0
        /// Slots of sessions that it joined to its own, to be merged into `slot` and freed.
        var joined: [UInt32] = []
        /// Bounds of rows given before that no longer stand.
        var superseded: [(start: Int64, end: Int64)] = []
        /// Whether its session's row is to be given at once.
        var fires = false
    }

    private struct Deadline {
        let watermark: Int64
        let session: UInt32
        let generation: UInt32
    }

    let windowIndex: Int
    let gap: Int64
    /// The greatest length from first to last event; `nil` for any.
    let maximum: Int64?
    let joinsTouching: Bool
    let allowedLateness: Int64
    private(set) var sessions: [Session] = []
    private var free: [UInt32] = []
    private var heads = SlotMap()
    private var heap: [Deadline] = []

    init(
        windowIndex: Int, gap: Int64, maximum: Int64?, joinsTouching: Bool, allowedLateness: Int64
    ) {
        self.windowIndex = windowIndex
        self.gap = gap
        self.maximum = maximum
        self.joinsTouching = joinsTouching
        self.allowedLateness = allowedLateness
    }

    /// The least watermark at which a session may fire or close.
    var nextEvent: Int64 { heap.first?.watermark ?? .max }

    /// Whether the session of an event alone would be closed.
    private func isClosed(_ end: Int64, at watermark: Int64) -> Bool {
        saturatingSum(end - 1, allowedLateness) <= watermark
    }

    /// The sessions of a key that an event belongs to, earliest first.
    private func touched(_ key: UInt32, from start: Int64, to end: Int64) -> [UInt32] {
        var found: [UInt32] = []
        var link = heads.slot(of: key)
        while link != 0 {
            let session = sessions[Int(link - 1)]
            let isTouched =
                joinsTouching
                ? session.start <= end && session.end >= start
                : session.start < end && session.end > start
            if isTouched || session.start == start && session.end == end {
                found.append(link - 1)
            }
            link = session.next
        }
        guard found.count > 1 || maximum != nil else { return found }
        found.sort {
            let (left, right) = (sessions[Int($0)], sessions[Int($1)])
            return (left.start, left.end) < (right.start, right.end)
        }
        guard let maximum else { return found }
        var bounds = (start: start, end: end)
        var fitting: [UInt32] = []
        for place in found {
            let session = sessions[Int(place)]
            let joined = (min(bounds.start, session.start), max(bounds.end, session.end))
            let length = saturatingSum(saturatingSum(joined.1, -gap), -max(joined.0, -.max))
            if length <= maximum {
                bounds = joined
                fitting.append(place)
            }
        }
        return fitting
    }

    /// Takes an event: into a session of its key that it touches, joining those it touches, or a
    /// new one.
    mutating func take(
        _ key: UInt32, at timestamp: Int64, gap: Int64, watermark: Int64, keyCount: Int,
        _ allocator: inout SlotAllocator
    ) -> Outcome {
        let end = max(saturatingSum(timestamp, gap), Int64.min + 1)
        let touched = touched(key, from: timestamp, to: end)
        var outcome = Outcome()
        guard let first = touched.first else {
            if isClosed(end, at: watermark) { return outcome }
            outcome.slot = allocator.make()
            outcome.session = insert(
                Session(key: key, slot: outcome.slot, start: timestamp, end: end, revision: 0),
                keyCount: keyCount)
            outcome.fires = end - 1 <= watermark
            return outcome
        }
        let place = Int(first)
        let bounds = touched.reduce(into: (start: timestamp, end: end)) { bounds, other in
            bounds.start = min(bounds.start, sessions[Int(other)].start)
            bounds.end = max(bounds.end, sessions[Int(other)].end)
        }
        outcome.slot = sessions[place].slot
        outcome.session = place
        if bounds.start != sessions[place].start || bounds.end != sessions[place].end {
            for other in touched where sessions[Int(other)].isGiven {
                outcome.superseded.append((sessions[Int(other)].start, sessions[Int(other)].end))
            }
            outcome.superseded.sort { $0 < $1 }
            let wasGiven = sessions[place].isGiven
            sessions[place].revision = 0
            sessions[place].start = bounds.start
            sessions[place].end = bounds.end
            for other in touched.dropFirst() {
                outcome.joined.append(sessions[Int(other)].slot)
                remove(Int(other))
            }
            if wasGiven { push(place, at: bounds.end - 1) }
        }
        outcome.fires = bounds.end - 1 <= watermark
        return outcome
    }

    /// Counts a row given; its revision.
    mutating func give(_ session: Int) -> UInt32 {
        sessions[session].revision &+= 1
        return sessions[session].revision &- 1
    }

    /// Sessions that fire at a watermark, and those that close, which are taken out: fire the first
    /// before freeing the slots of the second.
    mutating func due(at watermark: Int64) -> (fired: [Int], closed: [Int]) {
        var fired: [Int] = []
        var closed: [Int] = []
        while let top = heap.first, top.watermark <= watermark {
            pop()
            let place = Int(top.session)
            guard sessions[place].isLive, sessions[place].generation == top.generation else {
                continue
            }
            let last = sessions[place].end - 1
            if last > watermark {
                if last != top.watermark { push(place, at: last) }
                continue
            }
            if !sessions[place].isGiven, sessions[place].dueAt != watermark {
                fired.append(place)
                sessions[place].dueAt = watermark
            }
            let closing = saturatingSum(last, allowedLateness)
            if closing <= watermark {
                closed.append(place)
                sessions[place].generation &+= 1
            } else {
                push(place, at: closing)
            }
        }
        return (fired, closed)
    }

    /// Takes a session out of its key's list.
    mutating func remove(_ place: Int) {
        let session = sessions[place]
        let link = UInt32(place) + 1
        if heads.slot(of: session.key) == link {
            heads.update(session.key, session.next, keyCount: 0)
        } else {
            var previous = heads.slot(of: session.key)
            while previous != 0, sessions[Int(previous - 1)].next != link {
                previous = sessions[Int(previous - 1)].next
            }
            if previous != 0 { sessions[Int(previous - 1)].next = session.next }
        }
        sessions[place].isLive = false
        sessions[place].generation &+= 1
        free.append(UInt32(place))
    }

    /// Adds a session; its place.
    mutating func insert(_ session: Session, keyCount: Int) -> Int {
        var session = session
        session.next = heads.slot(of: session.key)
        let place: Int
        if let reused = free.popLast() {
            place = Int(reused)
            session.generation = sessions[place].generation
            sessions[place] = session
        } else {
            place = sessions.count
            sessions.append(session)
        }
        heads.update(session.key, UInt32(place) + 1, keyCount: keyCount)
        let isGiven = session.isGiven
        push(place, at: isGiven ? saturatingSum(session.end - 1, allowedLateness) : session.end - 1)
        return place
    }

    // MARK: Heap

    private mutating func push(_ place: Int, at watermark: Int64) {
        var child = heap.count
        heap.append(
            Deadline(
                watermark: watermark, session: UInt32(place),
                generation: sessions[place].generation))
        while child > 0 {
            let parent = (child - 1) / 2
            if heap[parent].watermark <= heap[child].watermark { return }
            heap.swapAt(parent, child)
            child = parent
        }
    }

    private mutating func pop() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].watermark < heap[least].watermark {
                least = child
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}

/// The sum, or the end of the range that it passes.
func saturatingSum(_ left: Int64, _ right: Int64) -> Int64 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? (left < 0 ? .min : .max) : sum
}

/// Gives out slots: freed ones first.
///
/// Slot 0 is nobody's.
struct SlotAllocator: Sendable {
    /// One past the greatest slot given out.
    private(set) var end: UInt32 = 1
    private(set) var free: [UInt32] = []

    /// The number of slots in use.
    var liveCount: Int { Int(end) - 1 - free.count }

    /// A slot that is empty.
    mutating func make() -> UInt32 {
        if let slot = free.popLast() { return slot }
        end += 1
        return end - 1
    }

    /// Takes back a slot, emptied by the caller.
    mutating func give(back slot: UInt32) { free.append(slot) }

    /// Forgets all slots.
    mutating func removeAll() { self = SlotAllocator() }
}
