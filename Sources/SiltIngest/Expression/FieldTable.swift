/// The fields that a job reads or computes, each with a slot in the record.
struct FieldTable {
    /// The paths in the source's records, by slot.
    private(set) var paths: [[String]] = []
    /// The slots of computed fields, by name; these hide fields of the source.
    private(set) var computed: [String: Int] = [:]
    private var computedCount = 0

    /// How many slots come from the source; computed ones follow these once `seal` was called.
    var sourceCount: Int { paths.count }
    var slotCount: Int { paths.count + computedCount }

    /// The slot of a source field, new when needed.
    mutating func sourceSlot(_ path: [String]) -> Int {
        if let slot = paths.firstIndex(of: path) { return slot }
        paths.append(path)
        return paths.count - 1
    }

    /// A slot for a computed field.
    ///
    /// All source slots must have been made before.
    mutating func addComputed(_ name: String) -> Int {
        let slot = slotCount
        computedCount += 1
        computed[name] = slot
        return slot
    }

    /// The slot that an expression's field means now: a computed field when there is one, else a source field.
    mutating func slot(_ path: [String]) -> Int {
        if path.count == 1, let slot = computed[path[0]] { return slot }
        return sourceSlot(path)
    }
}

/// The buffer that the texts of a batch stand in: literals first, then the block as it was read, then text made on the way.
struct TextBuffer {
    /// The bytes.
    var bytes: [UInt8] = []

    /// Adds text and returns its value.
    mutating func add(_ text: some Collection<UInt8>) -> Datum {
        let offset = bytes.count
        bytes.append(contentsOf: text)
        return Datum(textAt: offset, count: bytes.count - offset)
    }

    /// The text of a value that is text.
    func string(_ datum: Datum) -> String { String(decoding: bytes[datum.range], as: UTF8.self) }
}
