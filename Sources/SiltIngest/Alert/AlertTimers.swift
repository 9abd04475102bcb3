/// The moments at which alerts are to be looked at again, earliest first; equal moments by rule and key.
///
/// A timer that was set anew stays in the heap: who takes it looks whether it is still meant.
struct AlertTimers {
    /// A moment of one alert's key.
    struct Timer {
        let time: Int64
        let key: AlertKey

        func precedes(_ other: Timer) -> Bool {
            if time != other.time { return time < other.time }
            return key.precedes(other.key)
        }
    }

    private var heap: [Timer] = []

    /// The earliest moment.
    var first: Int64? { heap.first?.time }

    mutating func insert(_ time: Int64, _ key: AlertKey) {
        heap.append(Timer(time: time, key: key))
        var index = heap.count - 1
        while index > 0, heap[index].precedes(heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func removeFirst() -> Timer {
        heap.swapAt(0, heap.count - 1)
        let timer = heap.removeLast()
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < heap.count && heap[child].precedes(heap[least]) {
                least = child
            }
            if least == index { return timer }
            heap.swapAt(index, least)
            index = least
        }
    }
}

/// An alert and a key of its windows.
struct AlertKey: Hashable, Sendable {
    let rule: Int
    let bytes: [UInt8]

    func precedes(_ other: AlertKey) -> Bool {
        if rule != other.rule { return rule < other.rule }
        return bytes.lexicographicallyPrecedes(other.bytes)
    }
}
