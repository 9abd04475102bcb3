import SiltModel

/// Validates and encodes batches and hands them to the engine.
enum WritePath {
    static func write(
        _ batch: [TableMutation], durability: Durability?, shared: SharedParts
    ) throws(SiltstoneError) {
        throw SiltstoneError(.unavailable, "not built")
    }
}
