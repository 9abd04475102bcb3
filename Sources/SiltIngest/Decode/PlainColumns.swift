internal import CSiltstone

/// Plain records as columns instead of rows of slots: times, keys and arguments, a run of records behind the other.
struct PlainColumns {
    /// Records that follow each other.
    struct Run {
        /// The first of the records.
        let first: Int
        let count: Int
        /// The greatest event time.
        let latest: Int64
        /// For each argument, a bit for every tag that occurs, and maybe more.
        let seen: [UInt8]
        /// Where its columns are: how much room those before it take, and how much they take.
        fileprivate let place: Int
        fileprivate let room: Int
    }

    /// What stands for the number of a key that has none.
    static let noNumber = UInt32.max

    private(set) var runs: [Run] = []
    /// Which table the keys' numbers are of.
    private(set) var generation = 0
    /// Of each run the times, the places of the keys (`offset << 32 | count`) and the bits of each argument.
    private var cells: [Int64] = []
    /// Of each run the tags of each argument.
    private var tags: [UInt8] = []
    /// The numbers of the keys.
    private var numbers: [UInt32] = []
    /// How many records there is room for in the runs.
    private var used = 0
    private var argumentCount = 0

    /// Forgets the records.
    mutating func removeAll() {
        runs.removeAll(keepingCapacity: true)
        used = 0
    }

    // MARK: Reading

    /// The event times of a run.
    func times(_ run: Run) -> ArraySlice<Int64> { column(run, 0) }

    /// Where the keys of a run are, as `offset << 32 | count`.
    func places(_ run: Run) -> ArraySlice<Int64> { column(run, 1) }

    /// The bits of an argument.
    func bits(_ run: Run, _ argument: Int) -> ArraySlice<Int64> { column(run, 2 + argument) }

    /// The tags of an argument.
    func tags(_ run: Run, _ argument: Int) -> ArraySlice<UInt8> {
        let start = run.place * argumentCount + argument * run.room
        return tags[start..<(start + run.count)]
    }

    /// The numbers of the keys of a run.
    func numbers(_ run: Run) -> ArraySlice<UInt32> {
        numbers[run.place..<(run.place + run.count)]
    }

    private func column(_ run: Run, _ index: Int) -> ArraySlice<Int64> {
        let start = run.place * (2 + argumentCount) + index * run.room
        return cells[start..<(start + run.count)]
    }

    // MARK: Writing

    /// Appends a run of up to `room` records, of which `read` says how many it read.
    ///
    /// `first` is the number of the first one, `generation` that of the table of keys.
    mutating func append(
        _ room: Int, first: Int, _ fields: ColumnFields, generation: Int,
        reading read: (inout silt_columns) -> Int
    ) -> Int {
        makeRoom(room, fields, generation)
        let place = used
        let width = 2 + argumentCount
        var taken = 0
        var latest = Int64.min
        var arguments = unsafe fields.arguments.map { field in
            unsafe silt_argument(bits: nil, tags: nil, field: field, seen: 0)
        }
        // Safety: room was made for `room` values of each column behind those that are there, each pointer leads to that of
        // one column, and they are used only inside.
        unsafe cells.withUnsafeMutableBufferPointer { cells in
            unsafe tags.withUnsafeMutableBufferPointer { tags in
                unsafe numbers.withUnsafeMutableBufferPointer { numbers in
                    unsafe arguments.withUnsafeMutableBufferPointer { arguments in
                        guard let cells = cells.baseAddress, let tags = tags.baseAddress,
                            let numbers = numbers.baseAddress
                        else { return }
                        let start = unsafe cells + place * width
                        for index in arguments.indices {
                            unsafe arguments[index].bits = start + (2 + index) * room
                            unsafe arguments[index].tags =
                                tags + place * arguments.count + index * room
                        }
                        var columns = unsafe silt_columns()
                        unsafe columns.times = start
                        unsafe columns.places = start + room
                        unsafe columns.numbers = numbers + place
                        unsafe columns.arguments = arguments.baseAddress
                        unsafe columns.argument_count = arguments.count
                        unsafe columns.time_field = fields.time
                        unsafe columns.key_field = fields.key
                        unsafe columns.latest = latest
                        taken = unsafe read(&columns)
                        latest = unsafe columns.latest
                    }
                }
            }
        }
        precondition(taken <= room, "more records were read than there was room for")
        if taken > 0 {
            used += room
            let seen = unsafe arguments.map { unsafe UInt8(truncatingIfNeeded: $0.seen) }
            runs.append(
                Run(
                    first: first, count: taken, latest: latest, seen: seen, place: place, room: room
                ))
        }
        return taken
    }

    /// Fills room once that is not there; it is used again for later blocks.
    private mutating func makeRoom(_ room: Int, _ fields: ColumnFields, _ generation: Int) {
        argumentCount = fields.arguments.count
        self.generation = generation
        let count = used + room
        guard numbers.count < count else { return }
        let more = max(count, numbers.count * 2) - numbers.count
        numbers.append(contentsOf: repeatElement(0, count: more))
        cells.append(contentsOf: repeatElement(0, count: more * (2 + argumentCount)))
        tags.append(contentsOf: repeatElement(0, count: more * max(1, argumentCount)))
    }
}
