internal import CSiltstone
internal import Synchronization

extension TreeGroup {
    /// Looks for the newest cell of one column of one row.
    ///
    /// Takes no lock, counts no references and allocates nothing but the value.
    ///
    /// - Parameters:
    ///   - suffix: what follows the row prefix in the column key.
    ///   - pin: the caller's place in the engine's epoch.
    ///   - oldest: a cell below this time stamp is `unclear`: it may be past its family's time to live.
    ///   - mayReadDisk: whether to wait for the disk; otherwise `onDisk` is the answer when it must be read.
    package func find(
        _ row: [UInt8], _ suffix: [UInt8], family: UInt8, _ pin: ReadEpoch.Pin,
        oldest: Int64 = .min, mayReadDisk: Bool = true
    ) -> PointAnswer {
        // Safety: the arrays and the caller's reference to this group outlive the call. What the
        // innermost closure captures is plain data: captured references would be counted.
        let group = unsafe Unmanaged.passUnretained(self)
        return unsafe row.withUnsafeBytes { row -> PointAnswer in
            unsafe suffix.withUnsafeBytes { suffix -> PointAnswer in
                // Safety: a row of n bytes takes 2 n + 1 at most when it is escaped, and the suffix its own.
                unsafe withUnsafeTemporaryAllocation(
                    byteCount: row.count * 2 + 1 + suffix.count, alignment: 8
                ) { key -> PointAnswer in
                    guard let start = key.baseAddress else { return .unclear }
                    let rowCount = unsafe silt_escape(start, row.baseAddress, row.count)
                    if let end = suffix.baseAddress {
                        unsafe (start + rowCount).copyMemory(from: end, byteCount: suffix.count)
                    }
                    let whole = unsafe UnsafeRawBufferPointer(
                        start: start, count: rowCount + suffix.count)
                    return unsafe group._withUnsafeGuaranteedRef {
                        unsafe $0.find(
                            whole, rowPrefixByteCount: rowCount, family: family, pin,
                            oldest: oldest, mayReadDisk: mayReadDisk)
                    }
                }
            }
        }
    }

    private func find(
        _ key: UnsafeRawBufferPointer, rowPrefixByteCount: Int, family: UInt8,
        _ pin: ReadEpoch.Pin, oldest: Int64, mayReadDisk: Bool
    ) -> PointAnswer {
        guard published.isOpen.load(ordering: .relaxed), !tables.isClosed.load(ordering: .relaxed)
        else { return .unclear }
        // Safety: the caller entered the epoch before the set was loaded.
        return unsafe published.borrow()._withUnsafeGuaranteedRef { set in
            // After the set: see `PublishedSet`.
            let sequence = visible.load(ordering: .acquiring)
            var read = unsafe PointRead(
                key, rowPrefixByteCount: rowPrefixByteCount, sequence: sequence,
                mayReadDisk: mayReadDisk)
            let answer = set.points.answer(family, &read, tables, pin, oldest: oldest)
            switch answer {
            case .absent, .found:
                published.countRead()
                pin.countRead()
                pin.count(read.filters)
            case .unclear, .onDisk: break
            }
            return answer
        }
    }
}

/// The trees of a set without reference counts.
///
/// Safety: the set that owns this keeps the versions.
@safe
struct PointTrees: ~Copyable, @unchecked Sendable {
    private let versions: UnsafeMutableBufferPointer<Unmanaged<TreeVersion>>

    init(_ trees: [TreeVersion]) {
        unsafe versions = .allocate(capacity: trees.count)
        for (index, tree) in trees.enumerated() {
            unsafe versions.initializeElement(at: index, to: Unmanaged.passUnretained(tree))
        }
    }

    // Safety: allocated in init; the elements are plain data.
    deinit { unsafe versions.deallocate() }

    /// The tree of a family.
    func tree(_ family: UInt8) -> TreeVersion? {
        // Safety: the set that owns this keeps the versions.
        for index in unsafe versions.indices {
            let isWanted = unsafe versions[index]._withUnsafeGuaranteedRef { $0.family == family }
            if isWanted { return unsafe versions[index].takeUnretainedValue() }
        }
        return nil
    }

    /// Has what an insert of a column key will touch fetched from memory; as `tree`, without counting references.
    @inline(__always)
    func prepare(for columnKey: UnsafeRawBufferPointer, family: UInt8) {
        // Safety: as in `answer`; the newest memtable, the first, is always there. The caller lends the key.
        for index in unsafe versions.indices {
            unsafe versions[index]._withUnsafeGuaranteedRef { tree in
                guard tree.family == family else { return }
                unsafe tree.points.memtables[0]._withUnsafeGuaranteedRef {
                    unsafe $0.prepare(for: columnKey)
                }
            }
        }
    }

    /// The answer of a point read in the tree of a family.
    func answer(
        _ family: UInt8, _ read: inout PointRead, _ tables: TableCache, _ pin: ReadEpoch.Pin,
        oldest: Int64
    ) -> PointAnswer {
        // Safety: indices are those of the buffer; the set is kept by the caller.
        for index in unsafe versions.indices {
            let answer = unsafe versions[index]._withUnsafeGuaranteedRef { tree in
                tree.family == family ? read.run(tree.points, tables, pin, oldest: oldest) : nil
            }
            if let answer { return answer }
        }
        return .unclear
    }
}
