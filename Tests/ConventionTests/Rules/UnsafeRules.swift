import Foundation

/// Unsafe code stands in few files, and each use says which fact it relies on.
enum UnsafeRules {
    /// The files that may touch raw memory.
    ///
    /// Everything else is safe Swift.
    static let files: Set<String> = [
        // SiltBytes: checksums and hashes are C functions over pointers.
        "Sources/SiltBytes/ByteWriter.swift",
        "Sources/SiltBytes/Checksum.swift",
        // SiltCodec: liblz4, libzstd and zlib take pointers.
        "Sources/SiltCodec/BlockRestoration.swift",
        "Sources/SiltCodec/Compressor.swift",
        "Sources/SiltCodec/Decompressor.swift",
        "Sources/SiltCodec/GzipUnpacker.swift",
        "Sources/SiltCodec/GzipWriter.swift",
        "Sources/SiltCodec/ZstandardUnpacker.swift",
        "Sources/SiltCodec/ZstandardWriter.swift",
        // SiltFormat: blocks, filters and indexes are searched where they lie; records are encoded in place.
        "Sources/SiltFormat/Block/BlockBuilder.swift",
        "Sources/SiltFormat/Block/BlockColumns.swift",
        "Sources/SiltFormat/Block/BlockFrame.swift",
        "Sources/SiltFormat/Block/BlockLayout.swift",
        "Sources/SiltFormat/Block/BlockView+Search.swift",
        "Sources/SiltFormat/Block/BlockView.swift",
        "Sources/SiltFormat/Block/ByteRoom.swift",
        "Sources/SiltFormat/Block/KeyBytes.swift",
        "Sources/SiltFormat/CellKey+Escape.swift",
        "Sources/SiltFormat/CellKey.swift",
        "Sources/SiltFormat/CellKeyBound.swift",
        "Sources/SiltFormat/Log/LogRecord.swift",
        "Sources/SiltFormat/Log/LogSegmentReader.swift",
        "Sources/SiltFormat/Operation.swift",
        "Sources/SiltFormat/Packed/BlockUnpacker.swift",
        "Sources/SiltFormat/Packed/NumberReader.swift",
        "Sources/SiltFormat/Table/FilterBuilder.swift",
        "Sources/SiltFormat/Table/FilterView.swift",
        "Sources/SiltFormat/Table/IndexView.swift",
        // SiltIO: system calls take pointers; the storage protocols hand buffers through.
        "Sources/SiltIO/LogDevice.swift",
        "Sources/SiltIO/MemoryLogDevice.swift",
        "Sources/SiltIO/MemoryObjectStore.swift",
        "Sources/SiltIO/ObjectBytes.swift",
        "Sources/SiltIO/ObjectStore.swift",
        "Sources/SiltIO/PosixCallThreads.swift",
        "Sources/SiltIO/PosixDirectory.swift",
        "Sources/SiltIO/PosixDiskSpace.swift",
        "Sources/SiltIO/PosixFile.swift",
        "Sources/SiltIO/PosixInputFiles.swift",
        "Sources/SiltIO/PosixLocalCoordinator.swift",
        "Sources/SiltIO/PosixLogDevice.swift",
        "Sources/SiltIO/PosixLogSegment.swift",
        "Sources/SiltIO/PosixObjectStore.swift",
        "Sources/SiltIO/PosixReadWriteLock.swift",
        "Sources/SiltIO/PosixSignal.swift",
        "Sources/SiltIO/PosixSystemClock.swift",
        "Sources/SiltIO/PosixSystemRandom.swift",
        "Sources/SiltIO/PosixThreadWorkers.swift",
        // SiltIngest: lines are scanned where they were read.
        "Sources/SiltIngest/Decode/ColumnScan.swift",
        "Sources/SiltIngest/Decode/DelimitedDecoder.swift",
        "Sources/SiltIngest/Decode/JSONLineScanner+Plain.swift",
        "Sources/SiltIngest/Decode/JSONLineScanner.swift",
        "Sources/SiltIngest/Decode/JSONLinesDecoder.swift",
        "Sources/SiltIngest/Decode/KeyNumbers.swift",
        "Sources/SiltIngest/Decode/PlainColumns.swift",
        "Sources/SiltIngest/Decode/PlainNumber.swift",
        "Sources/SiltIngest/Decode/RecordBatch+Plain.swift",
        "Sources/SiltIngest/Expression/NumberText.swift",
        // A reader goes from thread to thread under a lock.
        "Sources/SiltIngest/Runner/BlocksAhead.swift",
        // SiltKafka: librdkafka takes pointers.
        "Sources/SiltKafka/KafkaHandle.swift",
        "Sources/SiltKafka/KafkaSink.swift",
        "Sources/SiltKafka/KafkaSource.swift",
        // SiltTLS: OpenSSL takes pointers.
        "Sources/SiltTLS/PublicKey.swift",
        "Sources/SiltTLS/TLSConnection.swift",
        "Sources/SiltTLS/TLSContext.swift",
        // SiltLSM: the memtable owns its memory; blocks are read without copies; cells are merged by pointer.
        "Sources/SiltLSM/Cache/BlockCacheShard.swift",
        "Sources/SiltLSM/Cache/BlockSlots.swift",
        "Sources/SiltLSM/Cache/CachedBlock.swift",
        "Sources/SiltLSM/Cache/RawBytes.swift",
        "Sources/SiltLSM/Commit/CommitPlace.swift",
        "Sources/SiltLSM/Commit/CommitQueue.swift",
        "Sources/SiltLSM/Commit/CommitView.swift",
        "Sources/SiltLSM/Commit/MemtableApply.swift",
        "Sources/SiltLSM/Compaction/RetentionRule.swift",
        "Sources/SiltLSM/Compaction/VersionTracker.swift",
        "Sources/SiltLSM/Engine+Recovery.swift",
        "Sources/SiltLSM/Repair/DirectoryRepair.swift",
        "Sources/SiltLSM/Repair/LogSalvage.swift",
        "Sources/SiltLSM/Repair/TableSalvage.swift",
        "Sources/SiltLSM/Repair/TableVerification.swift",
        "Sources/SiltLSM/Flush/CellMerge.swift",
        "Sources/SiltLSM/Log/LogBuffer.swift",
        "Sources/SiltLSM/Log/LogHeirs.swift",
        "Sources/SiltLSM/Log/LogWriter.swift",
        "Sources/SiltLSM/Log/OperationCursor.swift",
        "Sources/SiltLSM/Memtable/Arena.swift",
        "Sources/SiltLSM/Memtable/InheritedCells.swift",
        "Sources/SiltLSM/Memtable/Memtable.swift",
        "Sources/SiltLSM/Memtable/MemtableCursor.swift",
        "Sources/SiltLSM/Memtable/MemtableTree+Find.swift",
        "Sources/SiltLSM/Memtable/MemtableTree+Insert.swift",
        "Sources/SiltLSM/Memtable/MemtableTree.swift",
        "Sources/SiltLSM/Merge/CellWalk.swift",
        "Sources/SiltLSM/Merge/CommonRow.swift",
        "Sources/SiltLSM/Merge/DeletedGaps.swift",
        "Sources/SiltLSM/Merge/IdleWalks.swift",
        "Sources/SiltLSM/Merge/MergeCore+Stretch.swift",
        "Sources/SiltLSM/Merge/MergeCore+View.swift",
        "Sources/SiltLSM/Merge/MergeCore.swift",
        "Sources/SiltLSM/Merge/MergeCursor.swift",
        "Sources/SiltLSM/Merge/SortedView.swift",
        "Sources/SiltLSM/Merge/SortedViewDraft.swift",
        "Sources/SiltLSM/Merge/SourceCell.swift",
        "Sources/SiltLSM/Merge/TableRunCursor+Open.swift",
        "Sources/SiltLSM/Merge/TableRunCursor+Prefetch.swift",
        "Sources/SiltLSM/Merge/TableRunCursor+Stretch.swift",
        "Sources/SiltLSM/Merge/TableRunCursor.swift",
        "Sources/SiltLSM/Merge/TreeCursor+Point.swift",
        "Sources/SiltLSM/Merge/TreeCursor.swift",
        "Sources/SiltLSM/Merge/WalkColumns.swift",
        "Sources/SiltLSM/Merge/WalkState+Take.swift",
        "Sources/SiltLSM/Merge/WalkState+View.swift",
        "Sources/SiltLSM/Merge/WalkState.swift",
        "Sources/SiltLSM/Merge/WalkedCell.swift",
        "Sources/SiltLSM/Point/PointRead.swift",
        "Sources/SiltLSM/Point/PointTree.swift",
        "Sources/SiltLSM/Point/TreeGroup+Point.swift",
        "Sources/SiltLSM/Table/BlockColumns+Read.swift",
        "Sources/SiltLSM/Table/PassingBlock.swift",
        "Sources/SiltLSM/Table/TableCopy.swift",
        "Sources/SiltLSM/Table/TableOpening.swift",
        "Sources/SiltLSM/Table/TableReader.swift",
        "Sources/SiltLSM/Table/TableWriter.swift",
        // Versions are published to readers that count no references; `ReadEpoch` says why they stay.
        "Sources/SiltLSM/Version/PublishedSet.swift",
        "Sources/SiltLSM/Version/ReadEpoch.swift",
        "Sources/SiltLSM/Version/TableHold.swift",
        "Sources/SiltLSM/TreeGroup+Middle.swift",
        // SiltStream: keys are hashed and compared in one buffer.
        "Sources/SiltStream/KeyInterner.swift",
        // SiltTable: cells under a cursor are compared and copied from where they lie.
        "Sources/SiltTable/ColumnGetter.swift",
        "Sources/SiltTable/PointGetter.swift",
        "Sources/SiltTable/PointPlan.swift",
        "Sources/SiltTable/FamilyReader.swift",
        "Sources/SiltTable/KeyComparison.swift",
        "Sources/SiltTable/KnownColumns.swift",
        "Sources/SiltTable/RegionScanner.swift",
        "Sources/SiltTable/RowScanner.swift",
        "Sources/SiltTable/StoredTable+Put.swift",
        "Sources/SiltTable/PlainRowReader.swift",
        // Siltstone: cells are shown where they lie.
        "Sources/Siltstone/BlockingTable.swift",
        // silt: blocks of a file are shown and verified.
        "Sources/silt/Bench/BenchKeys.swift",
        "Sources/silt/Bench/ValueNoise.swift",
        "Sources/silt/Inspect/TableFileBytes.swift",
    ]

    /// A `// Safety:` comment speaks for the rest of the block that it stands in, but for no more
    /// lines than this.
    static let reach = 60

    /// And for so many lines before it: the statement may have begun there.
    static let before = 3

    private static func isTrigger(_ word: Substring) -> Bool {
        word == "unsafe" || word == "unchecked" || word == "Unmanaged" || word.hasPrefix("Unsafe")
            || word.hasPrefix("withUnsafe")
    }

    static func violations(in file: SourceFile, allowed: Set<String>) -> [String] {
        let uses = file.lines(where: isTrigger)
        if uses.isEmpty { return [] }
        let touching = /\bunsafe\b|\bUnsafe\w+|\bwithUnsafe\w+|\bUnmanaged\b/.wordBoundaryKind(
            .simple)
        let relying =
            /\bunsafe [^,)]|@unchecked Sendable|nonisolated\(unsafe\)/.wordBoundaryKind(.simple)
        var found: [String] = []
        if !allowed.contains(file.path),
            let first = uses.first(where: { file.code[$0].contains(touching) })
        {
            found.append("\(file.place(first)): unsafe code outside the listed files")
        }
        let reasons = reasons(in: file)
        for index in uses where file.code[index].contains(relying) {
            if !reasons.contains(where: { $0.contains(index) }) {
                found.append(
                    "\(file.place(index)): no `// Safety:` comment names the fact relied on")
            }
        }
        return found
    }

    /// The lines for which each `// Safety:` comment speaks.
    private static func reasons(in file: SourceFile) -> [Range<Int>] {
        file.lines.indices.filter { file.lines[$0].utf8.contains(UInt8(ascii: "/")) }.compactMap {
            index in
            let text = file.lines[index]
            guard text.range(of: "// Safety:") != nil else { return nil }
            let indentation = text.prefix { $0 == " " }.count
            var end = index + 1
            while end < file.lines.count, end <= index + reach {
                let line = file.lines[end]
                let own = line.prefix { $0 == " " }.count
                if own < line.count, own < indentation { break }
                end += 1
            }
            return (index - before)..<end
        }
    }
}
