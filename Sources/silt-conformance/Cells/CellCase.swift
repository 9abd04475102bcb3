import SiltModel

/// Runs one case about cells: a table, steps, and what they must answer.
struct CellCase {
    private let json: JSONValue
    private let arguments: ConformanceArguments

    init(_ one: ConformanceCase, _ arguments: ConformanceArguments) {
        json = one.json
        self.arguments = arguments
    }

    /// What did not come as expected; the case passes when there is nothing.
    func differences() -> [String] {
        do {
            return try run()
        } catch let error as CaseUnsupported {
            return ["not built: \(error.what)"]
        } catch {
            return ["\(error)"]
        }
    }

    private func run() throws -> [String] {
        let definition = TableDefinition(
            "t", families: families(), hashBuckets: arguments.hashBuckets)
        let machine = try CellMachine(
            nowMilliseconds: json["clock_start"]?.integerValue ?? 1_000_000_000_000)
        try machine.createTable(definition)
        var found: [String] = []
        for (index, step) in (json["steps"]?.arrayValue ?? []).enumerated() {
            let runner = CellCaseStep(step, machine, definition)
            let mustFail = step["expect_error"].map { $0 != false } ?? false
            do throws(SiltstoneError) {
                let difference = try runner.run()
                if mustFail {
                    found.append("step \(index): expected an error, got none: \(runner.text)")
                } else if let difference {
                    found.append("step \(index): \(difference)\n        of \(runner.text)")
                }
            } catch {
                if !mustFail {
                    found.append("step \(index): \(error)\n        of \(runner.text)")
                }
            }
            if let unsupported = runner.unsupported { throw unsupported }
            if let forced = arguments.forcedStep { try machine.force(forced) }
        }
        try machine.close()
        return found
    }

    private func families() -> [Family] {
        (json["table"]?["families"]?.objectValue ?? []).map { member in
            let settings = member.value
            var family = Family(member.name, compression: arguments.compression)
            family.maxVersions = Int(settings["max_versions"]?.integerValue ?? 1)
            family.minVersions = Int(settings["min_versions"]?.integerValue ?? 0)
            family.timeToLiveMilliseconds = settings["ttl_ms"]?.integerValue
            switch settings["keep_deleted"]?.stringValue {
            case "true": family.keepDeletedCells = .yes
            case "ttl": family.keepDeletedCells = .untilTimeToLive
            default: break
            }
            return family
        }
    }
}
