// Safety: only read, and the block's owner promises that nobody writes.
/// Where the columns of a verified block lie, for loops that read entry after entry.
///
/// Plain places and widths, so that another module reads them without a call or a copy of the view.
/// The bytes must stay while it is used. Part of the format: docs/format/block.md.
@safe
package struct BlockColumns: @unchecked Sendable {
    /// A column of little-endian numbers.
    ///
    /// Entry `i` is `base` and the `width` bytes at `start + i * width`. 8 bytes can be read there, whatever the width: a
    /// block in memory goes on for as many after its end.
    @safe
    package struct Column: @unchecked Sendable {
        /// The first entry's bytes.
        package let start: UnsafeRawPointer
        /// The bytes of an entry: 0, 1, 2, 4 or 8.
        package let width: Int
        /// What is added to each number.
        package let base: UInt64
        /// The bytes of a word that are the entry's.
        package let mask: UInt64

        init(start: UnsafeRawPointer, width: Int, base: UInt64) {
            unsafe self.start = unsafe start
            self.width = width
            self.base = base
            mask = width >= 8 ? .max : (1 &<< UInt64(8 &* width)) &- 1
        }
    }

    /// The time stamps, as bit patterns.
    package let timestamps: Column
    /// The sequences.
    package let sequences: Column
    /// The types.
    package let types: Column
    /// The flags.
    package let flags: Column
    /// The numbers of the entries' column keys; of width 0 when each entry has a key of its own.
    package let keyNumbers: Column
    /// How many bytes of each column key the prefix section holds.
    package let prefixLengths: Column
    /// Where each key's bytes after its prefix begin.
    ///
    /// Of width 0 when all have `fixedRestByteCount`.
    package let restOffsets: Column
    /// Where each value begins; of width 0 when all have `fixedValueByteCount`.
    package let valueOffsets: Column
    /// The length of every key rest when there are no rest offsets.
    package let fixedRestByteCount: Int
    /// The length of every value when there are no value offsets.
    package let fixedValueByteCount: Int
    /// The prefixes: 8 bytes for each column key.
    package let prefixes: UnsafeRawPointer
    /// The key rests.
    package let rests: UnsafeRawPointer
    /// The values.
    package let values: UnsafeRawPointer

    /// The columns of a view.
    package init(_ view: BlockView) {
        let layout = view.layout
        let base = unsafe view.base
        func column(_ section: Int, _ width: Int, _ start: UInt64 = 0) -> Column {
            // Safety: the layout places every section within the block.
            unsafe Column(start: base + section, width: width, base: start)
        }
        timestamps = column(
            layout.timestamps, layout.timestampWidth, UInt64(bitPattern: layout.timestampBase))
        sequences = column(layout.sequences, layout.sequenceWidth, layout.sequenceBase)
        types =
            layout.columns & BlockLayout.hasTypes != 0
            ? column(layout.types, 1) : column(0, 0, UInt64(layout.type))
        flags =
            layout.columns & BlockLayout.hasFlags != 0
            ? column(layout.flagBytes, 1) : column(0, 0, UInt64(layout.flags))
        keyNumbers = column(layout.keyNumbers, layout.keyNumberWidth)
        prefixLengths =
            layout.columns & BlockLayout.hasPrefixLengths != 0
            ? column(layout.prefixLengths, 1) : column(0, 0, 8)
        restOffsets = column(layout.restOffsets, layout.restOffsetWidth)
        valueOffsets = column(layout.valueOffsets, layout.valueOffsetWidth)
        fixedRestByteCount = layout.fixedRestByteCount
        fixedValueByteCount = layout.fixedValueByteCount
        // Safety: as above.
        unsafe prefixes = base + BlockLayout.headerByteCount
        unsafe rests = base + layout.rests
        unsafe values = base + layout.values
    }
}
