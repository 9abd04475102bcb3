import SiltModel

/// What the command line asks for.
struct ConformanceArguments {
    /// Which engine part is driven.
    enum Kind: String {
        case cells, windows
    }

    /// What is forced after every step of a case about cells.
    enum ForcedStep: String, CaseIterable {
        case flush, minor, compact, major, split, reopen
    }

    let kind: Kind
    private(set) var file = ""
    private(set) var forcedStep: ForcedStep?
    private(set) var compression = Compression.lz4
    /// Over how many buckets the rows of a case about cells are hashed.
    private(set) var hashBuckets: Int?
    private(set) var splitsRandomly = false
    private(set) var seed: UInt64 = 1
    /// How many partitions the events of a case about windows are spread over.
    private(set) var partitions = 1
    /// Whether the state of windows is encoded and restored after every step.
    private(set) var restartsEach = false
    private var only = ""

    init(_ arguments: ArraySlice<String>) throws(SiltstoneError) {
        guard let first = arguments.first, let kind = Kind(rawValue: first) else {
            throw SiltstoneError(.invalidArgument, "the first argument must be cells or windows")
        }
        self.kind = kind
        var files: [String] = []
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--") else {
                files.append(argument)
                continue
            }
            if kind == .windows, argument == "--restart-each" {
                restartsEach = true
                continue
            }
            guard let value = rest.popFirst() else {
                throw SiltstoneError(.invalidArgument, "option needs a value option=\(argument)")
            }
            guard try ConformanceArguments.set(argument, value, kind, &self) else {
                throw SiltstoneError(
                    .invalidArgument, "unknown option or value option=\(argument) value=\(value)")
            }
        }
        guard files.count == 1 else {
            throw SiltstoneError(.invalidArgument, "name one case file count=\(files.count)")
        }
        file = files[0]
    }

    /// Sets one option; false when there is none of that name and value.
    private static func set(
        _ option: String, _ value: String, _ kind: Kind, _ arguments: inout Self
    ) throws(SiltstoneError) -> Bool {
        switch (kind, option) {
        case (_, "--only"): arguments.only = value
        case (.cells, "--after-each"):
            guard let step = ForcedStep(rawValue: value) else { return false }
            arguments.forcedStep = step
        case (.cells, "--codec"), (.cells, "--compression"):
            switch value {
            case "none": arguments.compression = .none
            case "lz4": arguments.compression = .lz4
            case "zstd": arguments.compression = .zstd(level: 3)
            default: return false
            }
        case (.cells, "--hash"):
            guard let count = Int(value), (2...Limits.hashBucketsMax).contains(count) else {
                return false
            }
            arguments.hashBuckets = count
        case (.windows, "--partitions"):
            guard let count = Int(value), (1...64).contains(count) else { return false }
            arguments.partitions = count
        case (.windows, "--split"), (.windows, "--batches"):
            guard value == "random" else { return false }
            arguments.splitsRandomly = true
        case (.windows, "--seed"):
            guard let seed = UInt64(value) else { return false }
            arguments.seed = seed
        default: return false
        }
        return true
    }

    /// Whether a case of this id is to run.
    func wants(_ id: String) -> Bool { only.isEmpty || id.contains(only) }

    /// Whether a case cannot be judged when steps are forced.
    func leavesOut(_ one: ConformanceCase) -> Bool {
        forcedStep != nil && one.tags.contains("physical")
    }
}
