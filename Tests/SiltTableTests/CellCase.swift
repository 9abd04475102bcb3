import SiltBytes
import SiltModel
import SiltTable

/// One of the neutral cases about cells, run against a table.
struct CellCase {
    /// The case needs something that is not built.
    struct Unsupported: Error {}

    let json: JSONValue
    var id: String { json["id"]?.stringValue ?? "?" }
    private(set) var checkCount = 0

    init(_ json: JSONValue) { self.json = json }

    /// Runs all steps.
    ///
    /// - Returns: what differed.
    mutating func run() throws -> [String] {
        let harness = try TableHarness(
            nowMilliseconds: json["clock_start"]?.integerValue ?? 1_000_000_000_000)
        let definition = TableDefinition("t", families: try families())
        _ = try harness.store.createTable(definition)
        var differences: [String] = []
        for (index, step) in (json["steps"]?.arrayValue ?? []).enumerated() {
            let runner = CellCaseStep(step: step, harness: harness, definition: definition)
            do {
                let checked = try runner.run(&differences, label: "\(id) step \(index)")
                if step["expect_error"]?.boolValue == true {
                    checkCount += 1
                    differences.append("\(id) step \(index): should be refused")
                } else if checked {
                    checkCount += 1
                }
            } catch let error as SiltstoneError {
                if step["expect_error"] != nil {
                    checkCount += 1
                } else {
                    differences.append("\(id) step \(index): \(error)")
                }
            }
        }
        try harness.store.close()
        return differences
    }

    private func families() throws -> [Family] {
        var families: [Family] = []
        for member in json["table"]?["families"]?.objectValue ?? [] {
            let settings = member.value
            var family = Family(member.name)
            family.maxVersions = Int(settings["max_versions"]?.integerValue ?? 1)
            family.minVersions = Int(settings["min_versions"]?.integerValue ?? 0)
            family.timeToLiveMilliseconds = settings["ttl_ms"]?.integerValue
            switch settings["keep_deleted"]?.stringValue {
            case "true": family.keepDeletedCells = .yes
            case "ttl": family.keepDeletedCells = .untilTimeToLive
            default: break
            }
            families.append(family)
        }
        return families
    }

    /// A byte string of the cases: text, `{"hex"}`, `{"i64"}` or `{"i32"}`.
    static func bytes(_ json: JSONValue?) -> Bytes {
        if let text = json?.stringValue { return Bytes(text) }
        if let text = json?["hex"]?.stringValue { return Bytes(Hex.decode(text) ?? []) }
        for (name, count) in [("i64", 8), ("i32", 4)] {
            guard let number = json?[name]?.integerValue else { continue }
            let bits = UInt64(bitPattern: number)
            return Bytes(
                (0..<count).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * (count - 1 - $0))) })
        }
        return .empty
    }
}
