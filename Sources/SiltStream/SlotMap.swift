/// The slot of each key of a pane: an array by key id while keys are few or most have a slot, else
/// a hash table.
///
/// Slot 0 means none.
struct SlotMap: Sendable {
    /// Up to this many keys in all an array is used whatever the pane holds.
    private static let directKeyLimit = 1 << 14

    /// Slots by key id; empty when hashed.
    private(set) var direct: [UInt32] = []
    /// `(key + 1) << 32 | slot`, 0 where free; a power of two, at most half full.
    private var hashed: [UInt64] = []
    private var count = 0

    /// The slot of a key, 0 for none.
    @inline(__always)
    func slot(of key: UInt32) -> UInt32 {
        if Int(key) < direct.count { return direct[Int(key)] }
        return hashed.isEmpty ? 0 : findHashed(key)
    }

    private func findHashed(_ key: UInt32) -> UInt32 {
        let mask = hashed.count - 1
        var place = SlotMap.home(key) & mask
        while hashed[place] != 0 {
            if hashed[place] >> 32 == UInt64(key) + 1 {
                return UInt32(truncatingIfNeeded: hashed[place])
            }
            place = (place + 1) & mask
        }
        return 0
    }

    /// Gives a key without a slot one; `keyCount` is the number of keys the operator knows.
    mutating func insert(_ key: UInt32, _ slot: UInt32, keyCount: Int) {
        count += 1
        if hashed.isEmpty {
            if Int(key) < direct.count {
                direct[Int(key)] = slot
                return
            }
            if keyCount <= SlotMap.directKeyLimit || count * 8 > keyCount {
                growDirect(keyCount)
                direct[Int(key)] = slot
                return
            }
            switchToHashed()
        } else if count * 4 > keyCount {
            switchToDirect(keyCount)
            direct[Int(key)] = slot
            return
        }
        if count * 2 > hashed.count { rehash(hashed.count * 2) }
        insertHashed(key, slot)
    }

    /// Gives a key another slot, or none (0).
    mutating func update(_ key: UInt32, _ slot: UInt32, keyCount: Int) {
        if self.slot(of: key) == 0 { return insert(key, slot, keyCount: keyCount) }
        if Int(key) < direct.count {
            direct[Int(key)] = slot
            return
        }
        let mask = hashed.count - 1
        var place = SlotMap.home(key) & mask
        while hashed[place] >> 32 != UInt64(key) + 1 { place = (place + 1) & mask }
        hashed[place] = (UInt64(key) + 1) << 32 | UInt64(slot)
    }

    private mutating func growDirect(_ keyCount: Int) {
        let size = max(64, keyCount, direct.count * 2)
        direct.append(contentsOf: repeatElement(0, count: size - direct.count))
    }

    private mutating func switchToHashed() {
        let old = direct
        direct = []
        rehash(max(64, count.nextPowerOfTwo * 2))
        for (key, slot) in old.enumerated() where slot != 0 { insertHashed(UInt32(key), slot) }
    }

    private mutating func switchToDirect(_ keyCount: Int) {
        let old = hashed
        hashed = []
        growDirect(keyCount)
        for entry in old where entry != 0 {
            direct[Int(entry >> 32) - 1] = UInt32(truncatingIfNeeded: entry)
        }
    }

    private mutating func rehash(_ size: Int) {
        let old = hashed
        hashed = Array(repeating: 0, count: size)
        for entry in old where entry != 0 {
            insertHashed(UInt32(entry >> 32) - 1, UInt32(truncatingIfNeeded: entry))
        }
    }

    private mutating func insertHashed(_ key: UInt32, _ slot: UInt32) {
        let mask = hashed.count - 1
        var place = SlotMap.home(key) & mask
        while hashed[place] != 0 { place = (place + 1) & mask }
        hashed[place] = (UInt64(key) + 1) << 32 | UInt64(slot)
    }

    private static func home(_ key: UInt32) -> Int {
        Int(truncatingIfNeeded: (UInt64(key) &* 0x9e37_79b9_7f4a_7c15) >> 32)
    }
}

extension Int {
    /// The least power of two that is not less.
    fileprivate var nextPowerOfTwo: Int {
        self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount)
    }
}
