internal import SiltFormat
internal import SiltModel

/// Opening files and blocks.
extension TableRunCursor {
    /// Opens the first file from `number` on that the filters do not rule out and that has cells.
    mutating func openFile(from number: Int) throws(SiltstoneError) -> Bool {
        var number = number
        while number < files.count {
            if try select(number) { return true }
            number += 1
        }
        return false
    }

    /// Opens the last file up to `number` that the filters do not rule out and that has cells.
    mutating func openLastFile(from number: Int) throws(SiltstoneError) -> Bool {
        var number = number
        while number >= 0 {
            if try select(number) { return true }
            number -= 1
        }
        return false
    }

    private mutating func select(_ number: Int) throws(SiltstoneError) -> Bool {
        if number == fileNumber { return reader != nil }
        reader = nil
        leaveBlock()
        fileNumber = -1
        let opened: TableReader
        if let tables {
            opened = try tables.reader(files[number])
        } else {
            opened = readers[number]
        }
        fileNumber = number
        guard opened.blockCount > 0, mayMatter(opened) else { return false }
        blocks = 0..<opened.blockCount
        clip = nil
        // A reader of one file may know it by another region's clip; the list has this one's.
        if let rows = files[number].clip {
            let keys = ClipKeys(rows)
            blocks = keys.blocks(of: opened)
            clip = keys
            if blocks.isEmpty { return false }
        }
        reader = opened
        checksSequence = options.sequence < opened.file.maxSequence
        return true
    }

    private func mayMatter(_ reader: TableReader) -> Bool {
        switch reader.filterKind {
        case .none: true
        case .row: options.rowHash.map { reader.mayContain($0) } ?? true
        // A family marker masks a column of which the file need hold no cell.
        case .rowAndColumn:
            reader.file.familyMarkerCount > 0
                || options.columnHash.map { reader.mayContain($0) } ?? true
        }
    }

    /// Makes a block of the open file the current one; the entry is the caller's to set.
    mutating func openBlock(_ number: Int) throws(SiltstoneError) -> Bool {
        guard let reader else { return false }
        if number == blockNumber {
            entryCount = endEntry
            return true
        }
        // Until the new block is here there is none: an error leaves no half-changed place.
        leaveBlock()
        let opened = try reader.block(number, options)
        block = opened
        if retains { prefetchBlock(after: number, of: reader) }
        // Safety: columns are plain data: nothing is lost by writing over the last ones.
        unsafe columns.initialize(to: BlockColumns(opened.view))
        blockNumber = number
        firstEntry = 0
        endEntry = opened.view.count
        if let clip {
            let isLast = number == blocks.upperBound - 1
            if number == blocks.lowerBound { firstEntry = clip.first(in: opened) }
            if isLast { endEntry = max(firstEntry, clip.end(in: opened)) }
        }
        entryCount = endEntry
        keyNumber = -1
        isPlain = nil
        let common = unsafe opened.view.commonPrefix
        commonCount = common.count
        grow(to: commonCount + 32)
        if let source = common.baseAddress {
            // Safety: the buffer has room for the common prefix.
            unsafe buffer.copyMemory(from: source, byteCount: commonCount)
        }
        commonRowNumber = -1
        findBase()
        return true
    }

    /// The column key of the entry `steps` before the current one, or of the block's first; only
    /// while there is a current one.
    mutating func keyBack(steps: Int) -> UnsafeRawBufferPointer {
        // Safety: the entry is the current block's, and the buffer holds the key then.
        unsafe copyKey(columns.pointee.keyNumber(max(firstEntry, entry - steps)))
        return unsafe UnsafeRawBufferPointer(start: buffer, count: keyCount)
    }

    /// Opens the block after the current one, or the next file's first, and goes to its first entry.
    ///
    /// - Returns: false when there is none.
    mutating func openFollowing() throws(SiltstoneError) -> Bool {
        if reader == nil { return false }
        if blockNumber + 1 < blocks.upperBound {
            _ = try openBlock(blockNumber + 1)
        } else {
            guard try openFile(from: fileNumber + 1) else { return false }
            _ = try openBlock(blocks.lowerBound)
        }
        entry = firstEntry
        return true
    }

    /// Lets the block go, or keeps it aside.
    private mutating func leaveBlock() {
        if retains, let block {
            retired.append(block)
            retiredBytes += block.byteCount
        }
        block = nil
        entryCount = 0
        blockNumber = -1
    }

    /// Lets the blocks go that were kept aside.
    mutating func release() {
        if retired.isEmpty { return }
        retired.removeAll(keepingCapacity: true)
        retiredBytes = 0
    }

    /// Lets all blocks go: a seek must follow.
    mutating func rest() {
        block = nil
        entryCount = 0
        blockNumber = -1
        release()
    }
}
