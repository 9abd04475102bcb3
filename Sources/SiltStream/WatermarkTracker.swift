/// The watermark of a stream: the least of its partitions that are not idle, never going back.
struct WatermarkTracker: Sendable, Equatable {
    struct Partition: Sendable, Equatable {
        let id: UInt32
        var watermark: Int64
        var isIdle: Bool
    }

    /// By id.
    private(set) var partitions: [Partition] = []
    /// The operator's watermark.
    private(set) var watermark = Int64.min

    init() {}

    init(partitions: [Partition], watermark: Int64) {
        self.partitions = partitions
        self.watermark = watermark
    }

    /// The place of a partition, made when it is new.
    mutating func place(of id: UInt32) -> Int {
        var low = 0
        var high = partitions.count
        while low < high {
            let middle = (low + high) / 2
            if partitions[middle].id < id { low = middle + 1 } else { high = middle }
        }
        if low == partitions.count || partitions[low].id != id {
            partitions.insert(Partition(id: id, watermark: .min, isIdle: false), at: low)
        }
        return low
    }

    /// Makes a partition count again.
    mutating func activate(_ place: Int) { partitions[place].isIdle = false }

    /// Leaves a partition out; the operator's watermark then follows the others.
    mutating func setIdle(_ place: Int) {
        partitions[place].isIdle = true
        follow()
    }

    /// Moves a partition's watermark up.
    mutating func raise(_ place: Int, to watermark: Int64) {
        guard watermark > partitions[place].watermark else { return }
        partitions[place].watermark = watermark
        follow()
    }

    /// Forgets a partition; the operator's watermark then follows the others, and holds without any.
    mutating func remove(_ id: UInt32) {
        partitions.removeAll { $0.id == id }
        follow()
    }

    /// Moves everything to the end of time.
    mutating func finish() {
        for index in partitions.indices { partitions[index].watermark = .max }
        watermark = .max
    }

    /// The least watermark of partitions that are not idle, `Int64.max` when there is none.
    func least(except place: Int?) -> Int64 {
        var least = Int64.max
        for index in partitions.indices where index != place && !partitions[index].isIdle {
            least = min(least, partitions[index].watermark)
        }
        return least
    }

    /// Follows the partitions that are neither idle nor at their end.
    ///
    /// When all others are idle it holds; when all are at their end it ends too.
    private mutating func follow() {
        let least = least(except: nil)
        let isHeld =
            least == .max && (partitions.isEmpty || partitions.contains { $0.watermark < .max })
        if !isHeld { watermark = max(watermark, least) }
    }
}
