import ArgumentParser
import SiltModel

/// Durability levels as typed.
enum DurabilityText {
    /// The level of a name, in either case; `nil` for none given.
    static func level(_ name: String?) throws -> Durability? {
        guard let name else { return nil }
        if let level = Durability(name: name) { return level }
        let known = Durability.allCases.map(\.name).joined(separator: ", ")
        throw ValidationError("durability is one of \(known), not '\(name)'")
    }
}

/// The option `--durability` of writes.
struct DurabilityOptions: ParsableArguments {
    @Option(
        help:
            "When the write is acknowledged: FSYNC_WAL, SYNC_WAL, ASYNC_WAL or SKIP_WAL (default: the table's)."
    )
    var durability: String?

    func validate() throws { _ = try DurabilityText.level(durability) }

    /// The level asked for; `nil` for the table's.
    func level() throws -> Durability? { try DurabilityText.level(durability) }
}
