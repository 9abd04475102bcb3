internal import SiltBytes
internal import SiltFormat
internal import SiltIO
package import SiltModel
internal import Synchronization

extension Engine {
    /// Brings back what the logs of earlier server runs hold, writes it to table files and deletes
    /// those logs.
    ///
    /// Once, after all regions were opened; commits are accepted afterwards. Killed at any point,
    /// it can begin again.
    ///
    /// - Throws: `corrupted` when a log is damaged before its end: nothing was deleted then.
    package func finishRecovery() throws(SiltstoneError) -> RecoveryReport {
        try checkOpen()
        var report = RecoveryReport()
        let old = try environment.log.incarnations().filter { $0 < incarnation }
        let groups = state.withLock { $0.groups }
        let heirs = LogHeirs(of: groups.values)
        for run in old {
            var replay = LogReplay(environment.log, incarnation: run)
            try replay.run { (record, bytes) throws(SiltstoneError) in
                try apply(record, bytes, to: groups, heirs, of: run, &report)
            }
            report.tornBytes += replay.tornBytes
            report.segmentCount += replay.segmentCount
        }
        for group in groups.values {
            group.state.withLock { state in
                state.replay = nil
                state.countedSequence = group.lastSequence.load(ordering: .relaxed)
            }
        }
        sharedUses.forgetAll()
        try flushAll()
        for run in old { try environment.log.trim(run, below: .max) }
        isReady.store(true, ordering: .releasing)
        if options.runsMaintenance {
            for group in groups.values { scheduleCompaction(group) }
        }
        return report
    }

    private func apply(
        _ record: LogRecord, _ bytes: [UInt8], to groups: [Identifier: TreeGroup],
        _ heirs: LogHeirs, of run: Identifier, _ report: inout RecoveryReport
    ) throws(SiltstoneError) {
        report.batchCount += 1
        for section in record.sections {
            guard let group = groups[section.region] else {
                let takers = heirs[section.region]
                if takers.isEmpty { report.skippedSectionCount += 1 }
                for heir in takers { try apply(section, bytes, to: heir, heirs, of: run) }
                continue
            }
            let last = section.firstSequence + UInt64(section.operationCount) - 1
            // Safety: the range lies within the array, as the record's reader checked.
            let damage: DecodingError? = unsafe bytes.withUnsafeBytes { buffer in
                unsafe MemtableApply.replay(
                    UnsafeRawBufferPointer(rebasing: buffer[section.range]),
                    count: section.operationCount, to: group, firstSequence: section.firstSequence,
                    timestamp: section.serverTimestamp, engine: self)
            }
            if let damage { throw self.damage(damage, section, run) }
            group.state.withLock { $0.replay?.sequence = last }
            group.noteReplayed(last, timestamp: section.serverTimestamp)
            try flushIfLarge(group)
        }
    }

    /// Applies what a region wrote that is gone to one of those that have its rows now.
    private func apply(
        _ section: LogRecord.Section, _ bytes: [UInt8], to heir: TreeGroup, _ heirs: LogHeirs,
        of run: Identifier
    ) throws(SiltstoneError) {
        let last = section.firstSequence + UInt64(section.operationCount) - 1
        // Safety: the range lies within the array, as the record's reader checked.
        let damage: DecodingError? = unsafe bytes.withUnsafeBytes { buffer in
            unsafe MemtableApply.replay(
                UnsafeRawBufferPointer(rebasing: buffer[section.range]),
                count: section.operationCount, of: section.region, to: heir, heirs,
                firstSequence: section.firstSequence, timestamp: section.serverTimestamp,
                engine: self)
        }
        if let damage { throw self.damage(damage, section, run) }
        heir.state.withLock { $0.replay?.origins[section.region] = last }
        heir.noteReplayed(last, timestamp: section.serverTimestamp)
        try flushIfLarge(heir)
    }

    private func damage(_ cause: DecodingError, _ section: LogRecord.Section, _ run: Identifier)
        -> SiltstoneError
    {
        SiltstoneError(
            .corrupted, "log record holds damaged operations: \(cause.message)",
            at: .init(file: "wal/\(run)", offset: section.range.lowerBound + cause.offset))
    }

    private func flushIfLarge(_ group: TreeGroup) throws(SiltstoneError) {
        let isLarge = group.set.trees.contains {
            !$0.frozen.isEmpty || $0.active.byteCount > options.flushBytes
        }
        if isLarge || counters.memtableBytes.value > options.memtableBytesMax { try flush(group) }
    }

    /// Flushes what is in memory, ends the log and gives the data directory up.
    ///
    /// Batches that wait are committed first; later calls throw `closed`. After a failure of
    /// storage only the directory is given up.
    package func close() throws(SiltstoneError) {
        let isFirst = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        if !isFirst { return }
        isClosing.store(true, ordering: .relaxed)
        tables.isClosed.store(true, ordering: .relaxed)
        drainQueue()
        defer { environment.coordinator.leave() }
        // Jobs that run end first; those not begun see that the engine is closing.
        for group in groups {
            group.compactionLock.withLock { _ in waitForCompactions(of: group) }
        }
        defer { state.withLock { $0.groups = [:] } }
        // What waits in the epoch refers to the cache that owns the epoch: it would never be released.
        defer { tables.blocks.epoch.reclaim(attempts: 200) }
        if failure != nil || !isReady.load(ordering: .acquiring) { return }
        try flushAll()
        try withLead { commit throws(SiltstoneError) in
            commit.forgetViews()
            try commit.log.close()
        }
        // Everything is in tables: the log is not needed any more.
        try environment.log.trim(incarnation, below: .max)
    }

    private func drainQueue() {
        queue.close()
        while !queue.isIdle {
            // Who was only asked to lead may never come; who leads is done soon.
            if !leadWaiting() { withLead { _ in } }
        }
        completions.run()
    }
}
