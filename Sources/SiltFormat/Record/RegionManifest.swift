package import SiltBytes

/// All that a region is, as one numbered, immutable snapshot: the highest number is the truth.
///
/// Part of the format: docs/format/manifest.md.
package struct RegionManifest: Hashable, Sendable {
    static let magic = "SILTMAN\n"
    /// 2 when a tree has origins, else 1.
    static let version: UInt32 = 2

    /// What a region is good for.
    package enum State: UInt8, Sendable, CaseIterable {
        /// Reads and writes.
        case open = 1
        /// Being split or merged: see the relatives.
        case changing = 2
        /// Gone; its files may be swept.
        case dropped = 3
    }

    /// Files in the order of their keys, without overlap.
    package struct Run: Hashable, Sendable {
        /// The level; 0 is where flushes arrive.
        package var level: UInt8
        /// The files, ascending.
        package var files: [TableFile]

        /// A run.
        package init(level: UInt8, files: [TableFile]) {
            self.level = level
            self.files = files
        }
    }

    /// A region that is gone, of whose operations the log may still hold some that belong to a tree now.
    package struct Origin: Hashable, Sendable {
        /// The region.
        package var region: Identifier
        /// The rows whose operations belong to the tree.
        package var rows: RowClip
        /// Every operation of the region on these rows up to this sequence is in the tree's files.
        package var flushedSequence: UInt64

        /// An origin.
        package init(region: Identifier, rows: RowClip, flushedSequence: UInt64) {
            self.region = region
            self.rows = rows
            self.flushedSequence = flushedSequence
        }
    }

    /// One family's files.
    package struct Tree: Hashable, Sendable {
        /// The family's number.
        package var family: UInt8
        /// Every operation up to this sequence is in the files: the log need not be replayed for
        /// it.
        package var flushedSequence: UInt64
        /// The runs, newest first: by level, and within a level newer before older.
        package var runs: [Run]
        /// Where operations of its rows may stand in the log besides under the region itself.
        package var origins: [Origin] = []

        /// A family's files.
        package init(family: UInt8, flushedSequence: UInt64 = 0, runs: [Run] = []) {
            self.family = family
            self.flushedSequence = flushedSequence
            self.runs = runs
        }
    }

    /// The manifest's number, which its name carries too; from 1.
    package var number: UInt64
    /// The region.
    package var region: Identifier
    /// Its table.
    package var table: Identifier
    /// The epoch of the owner that wrote it.
    package var epoch: UInt64
    /// The server run that wrote it: the log to which sequences refer.
    package var incarnation: Identifier
    /// The rows of the region.
    package var rows: RowClip
    /// What the region is good for.
    package var state: State
    /// The highest time stamp that the server assigned; the next one is higher.
    package var maxTimestamp: Int64
    /// The highest sequence given out.
    package var lastSequence: UInt64
    /// The families, by number.
    package var trees: [Tree]
    /// The regions that this one came from.
    package var parents: [Identifier]
    /// The regions that it was split or merged into.
    package var daughters: [Identifier]

    /// A manifest without files.
    package init(
        number: UInt64, region: Identifier, table: Identifier, epoch: UInt64,
        incarnation: Identifier, rows: RowClip, state: State = .open, maxTimestamp: Int64 = 0,
        lastSequence: UInt64 = 0, trees: [Tree] = [], parents: [Identifier] = [],
        daughters: [Identifier] = []
    ) {
        self.number = number
        self.region = region
        self.table = table
        self.epoch = epoch
        self.incarnation = incarnation
        self.rows = rows
        self.state = state
        self.maxTimestamp = maxTimestamp
        self.lastSequence = lastSequence
        self.trees = trees
        self.parents = parents
        self.daughters = daughters
    }

    /// What the keys of a region's manifests begin with.
    package static func keyPrefix(region: Identifier) -> String { "regions/\(region)/manifest/" }

    /// The key of the object that holds a manifest: numbers sort as text.
    package static func key(region: Identifier, number: UInt64) -> String {
        keyPrefix(region: region) + ObjectNumber.text(number)
    }
}

/// Numbers in object keys: 16 hex digits, so that they sort as text.
///
/// Part of the format: the first page of docs/format.
package enum ObjectNumber {
    /// The text of a number.
    package static func text(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The number that ends a key; `nil` when none does.
    package static func number(endOf key: String) -> UInt64? {
        let digits = key.utf8.suffix(16)
        guard digits.count == 16,
            digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x61 && $0 <= 0x66 })
        else { return nil }
        return UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
