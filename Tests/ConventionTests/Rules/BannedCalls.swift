/// Time, randomness, sleeping, printing, files and tasks only where they belong.
enum BannedCalls {
    struct Ban: Sendable {
        /// What is banned, for messages.
        let what: String
        /// The words: one alternative matching in code is a violation.
        let pattern: String
        /// Words one of which stands in every match.
        let triggers: Set<Substring>
        /// Where it is allowed all the same.
        let isAllowed: @Sendable (SourceFile) -> Bool
    }

    private static let posix: @Sendable (SourceFile) -> Bool = {
        $0.module == "SiltIO" && $0.name.hasPrefix("Posix")
    }
    private static let posixOrProgram: @Sendable (SourceFile) -> Bool = {
        posix($0) || $0.isProgram
    }
    private static let program: @Sendable (SourceFile) -> Bool = { $0.isProgram }
    private static let nowhere: @Sendable (SourceFile) -> Bool = { _ in false }
    private static let synchronousModules: Set<String> = [
        "SiltBytes", "SiltModel", "SiltIO", "SiltCodec", "SiltFormat", "SiltLSM", "SiltStream",
        "SiltTable", "SiltIngest",
    ]

    static let bans: [Ban] = [
        Ban(
            what: "the wall clock",
            pattern:
                #"\bDate\(\)|\bDate\.now|\bContinuousClock\b|\bSuspendingClock\b|\bclock_gettime\b"#
                + #"|\bgettimeofday\b|\bDispatchTime\b|\btime\(nil\)"#,
            triggers: [
                "Date", "ContinuousClock", "SuspendingClock", "clock_gettime", "gettimeofday",
                "DispatchTime", "time",
            ],
            // The server measures how long requests take.
            isAllowed: {
                posixOrProgram($0) || $0.path == "Sources/SiltstoneServer/ServerMetrics.swift"
            }),
        Ban(
            what: "randomness",
            pattern:
                #"\.random\((?!.*using:)|\bSystemRandomNumberGenerator\b|\bgetrandom\b|\barc4random"#
                + #"|\.shuffled\(\)|\.randomElement\(\)|\bUUID\(\)"#,
            triggers: [
                "random", "SystemRandomNumberGenerator", "getrandom", "arc4random", "shuffled",
                "randomElement", "UUID",
            ],
            isAllowed: posix),
        Ban(
            what: "sleeping",
            // The injected clock's own call is the way to sleep.
            pattern:
                #"\bTask\.sleep|\busleep\(|\bnanosleep\(|\bThread\.sleep|(?:^|[^\w.] ?)sleep\((?!nanoseconds: UInt64\))"#,
            triggers: ["sleep", "usleep", "nanosleep"],
            isAllowed: posixOrProgram),
        Ban(
            what: "printing",
            pattern: #"(?:^|[^\w.])(?:print|dump)\(|\bdebugPrint\(|\bfputs\(|\bprintf\("#,
            triggers: ["print", "dump", "debugPrint", "fputs", "printf"],
            isAllowed: program),
        Ban(
            what: "file access",
            pattern:
                #"\bFileManager\b|\bFileHandle\b|\bfopen\(|\bData\(contentsOf|\bString\(contentsOf"#,
            triggers: ["FileManager", "FileHandle", "fopen", "contentsOf"],
            isAllowed: posixOrProgram),
        Ban(
            what: "tasks and actors",
            pattern:
                #"\basync\b|\bawait\b|\bTask\s*[{.]|\bTask\.detached|^\s*(?:package |final )*actor "#,
            triggers: ["async", "await", "Task", "actor"],
            isAllowed: { !synchronousModules.contains($0.module) }),
        Ban(
            what: "crashing", pattern: #"\btry!|\bas!|\bfatalError\("#,
            triggers: ["try", "as", "fatalError"],
            isAllowed: nowhere),
    ]

    static func violations(in file: SourceFile) throws -> [String] {
        var found: [String] = []
        for ban in bans where !ban.isAllowed(file) {
            let lines = file.lines(with: ban.triggers)
            if lines.isEmpty { continue }
            let pattern = try Regex(ban.pattern).wordBoundaryKind(.simple)
            for index in lines where file.code[index].contains(pattern) {
                found.append("\(file.place(index)): \(ban.what) does not belong in \(file.module)")
            }
        }
        return found
    }
}
