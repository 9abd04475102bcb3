/// What every operation of Siltstone throws: a kind that says what the caller can do, and words for a person.
///
/// The message is lower case, names its values last as `name=value`, and is not part of the API: branch on `code`.
public struct SiltstoneError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    ///
    /// More may be added: switch with a default.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String, Hashable, Sendable {
            case invalidArgument, notFound, alreadyExists, conflict, conditionFailed, corrupted
            case unavailable, overloaded, storageFull, closed, cancelled, unknownOutcome, expired
        }

        private let kind: Kind

        /// The request is wrong; sending it again unchanged fails again.
        public static let invalidArgument = Code(kind: .invalidArgument)
        /// The table, family, row, job or file does not exist.
        public static let notFound = Code(kind: .notFound)
        /// What was to be created exists.
        public static let alreadyExists = Code(kind: .alreadyExists)
        /// Another owner or a concurrent change stands in the way (the directory is locked, a schema changed): look, then try again.
        public static let conflict = Code(kind: .conflict)
        /// The condition of a conditional write did not hold; nothing was written.
        public static let conditionFailed = Code(kind: .conditionFailed)
        /// Bytes on disk are damaged; `location` names the file and offset.
        ///
        /// Run `silt check`.
        public static let corrupted = Code(kind: .corrupted)
        /// Storage failed; writes stay refused until the process is restarted.
        ///
        /// Reads may go on.
        public static let unavailable = Code(kind: .unavailable)
        /// Too much is in flight; nothing was written: wait and try again.
        public static let overloaded = Code(kind: .overloaded)
        /// The disk is full; nothing was written: free space and try again.
        public static let storageFull = Code(kind: .storageFull)
        /// The database, table or scan was closed.
        public static let closed = Code(kind: .closed)
        /// The caller's task was cancelled.
        public static let cancelled = Code(kind: .cancelled)
        /// The write was sent to storage and may or may not be there after a restart, wholly or not at all.
        public static let unknownOutcome = Code(kind: .unknownOutcome)

        /// What was asked for is not kept any more; begin anew.
        public static let expired = Code(kind: .expired)

        /// The name of the code, as in the HTTP API's errors.
        public var description: String { kind.rawValue }
    }

    /// The place of damaged or unreadable bytes.
    public struct Location: Hashable, Sendable, CustomStringConvertible {
        /// The file's path or the object's key.
        public let file: String
        /// The offset in bytes, where known.
        public let offset: Int?

        /// A place in a file.
        public init(file: String, offset: Int? = nil) {
            self.file = file
            self.offset = offset
        }

        /// `file=… offset=…`.
        public var description: String {
            offset.map { "file=\(file) offset=\($0)" } ?? "file=\(file)"
        }
    }

    /// What kind of failure it is.
    public let code: Code
    /// What happened, for a person.
    public let message: String
    /// Where, when bytes of a file are at fault.
    public let location: Location?

    /// An error of one kind.
    public init(_ code: Code, _ message: String, at location: Location? = nil) {
        self.code = code
        self.message = message
        self.location = location
    }

    /// The code, the message and the location.
    public var description: String {
        location.map { "\(code): \(message) \($0)" } ?? "\(code): \(message)"
    }
}
