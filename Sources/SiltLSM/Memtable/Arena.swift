internal import CSiltstone

/// One reserved mapping from which a memtable takes its memory; never moved, freed as a whole.
///
/// Only touched pages cost memory, so a generous capacity is free. Offsets count units of 8 bytes,
/// so that 32 bits reach 32 GiB.
///
/// Safety: base is private to the owner and valid for the value's life.
@safe struct Arena: ~Copyable {
    /// Bytes at the start that the owner lays out as it likes.
    static let headerBytes = 256
    /// Small memtables stay on small pages: a huge page would cost each of them 2 MiB.
    private static let smallPageBytes = 2 << 20

    /// The first byte.
    let base: UnsafeMutableRawPointer
    /// The size of the mapping in bytes.
    let capacityBytes: Int

    /// A zeroed mapping.
    init(capacityBytes: Int) {
        let capacity = min(max(capacityBytes, 1 << 16), 1 << 35)
        // Safety: the mapping is owned by this value alone and unmapped once, in deinit.
        guard let mapping = unsafe silt_map(capacity, Arena.smallPageBytes) else {
            preconditionFailure("no address space for a memtable bytes=\(capacity)")
        }
        unsafe base = mapping
        self.capacityBytes = capacity
    }

    /// Has the pages of a range backed by memory.
    func ready(_ range: Range<Int>) {
        let page = 1 << 12
        let start = range.lowerBound & ~(page - 1)
        let end = min(range.upperBound, capacityBytes)
        // Safety: the range lies within the mapping, which stays while this value is borrowed; what is there stays as it is.
        if start < end { unsafe silt_populate(base + start, end - start) }
    }

    deinit {
        // Safety: base and capacity are those of the mapping made in init.
        unsafe silt_unmap(base, capacityBytes)
    }
}
