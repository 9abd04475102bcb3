internal import SiltModel
internal import SiltTable

/// Whether a job can go on with the open windows that another definition of it left.
///
/// What open windows hold was computed by the old definition: windows, aggregates, key and event time must be the same.
/// Where events come from, what is left out or computed of them, where rows go and who is told may differ; it counts
/// from the next record on.
package enum JobChange {
    private static let keptKeys = ["aggregates", "key", "windows"]
    private static let keptTimes = [
        "allowed_lateness", "field", "out_of_order", "unit", "watermark_field",
    ]

    /// What stands in the way, as names of entries of the job file; none when it can go on.
    package static func obstacles(from old: JobDefinition, to new: JobDefinition) -> [String] {
        obstacles(from: old.canonicalText, to: new)
    }

    /// What stands in the way, given the canonical text of the old definition.
    static func obstacles(from old: String, to new: JobDefinition) -> [String] {
        let before = entries(of: Array(old.utf8))
        let after = entries(of: Array(new.canonicalText.utf8))
        var found = keptKeys.filter { before[$0] != after[$0] }
        let times = (entries(of: before["time"] ?? []), entries(of: after["time"] ?? []))
        found += keptTimes.filter { times.0[$0] != times.1[$0] }.map { "time.\($0)" }
        // Rows that were written before have no states to merge into.
        if before["late"] != after["late"], new.late == .merge { found.append("late") }
        return found
    }

    /// The entries of a map in canonical form, each as its bytes.
    private static func entries(of text: [UInt8]) -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        var parts: [[UInt8]] = [[]]
        var depth = 0
        var isQuoted = false
        var isEscaped = false
        for byte in text {
            if isQuoted {
                if isEscaped {
                    isEscaped = false
                } else if byte == 0x5c {
                    isEscaped = true
                } else if byte == 0x22 {
                    isQuoted = false
                }
            } else {
                switch byte {
                case 0x22: isQuoted = true
                case 0x7b, 0x5b:
                    depth += 1
                    if depth == 1 { continue }
                case 0x7d, 0x5d: depth -= 1
                case 0x3a where depth == 1 && parts.count == 1:
                    parts.append([])
                    continue
                case 0x2c where depth == 1:
                    if parts.count == 2 {
                        let name = String(decoding: parts[0].dropFirst().dropLast(), as: UTF8.self)
                        found[name] = parts[1]
                    }
                    parts = [[]]
                    continue
                default: break
                }
            }
            parts[parts.count - 1].append(byte)
        }
        return found
    }

    /// The error for a job whose definition is not that of its checkpoint.
    static func refusal(_ job: JobDefinition, _ obstacles: [String]) -> SiltstoneError {
        guard !obstacles.isEmpty else {
            return SiltstoneError(
                .conflict,
                "job has a checkpoint of another definition; run it with --replace to go on with its open windows, give the job another name, or run it with --fresh to begin again job=\(job.name)"
            )
        }
        return SiltstoneError(
            .conflict,
            "job has open windows of a definition that differs in \(obstacles.joined(separator: ", ")), so they cannot be kept; drain it first, give the job another name, or run it with --fresh to begin again job=\(job.name)"
        )
    }
}

extension JobCheckpoint {
    /// Makes sure that a job can go on here, as the job that it was or, with `takesChanges`, as a changed one.
    mutating func adopt(_ job: JobDefinition, takesChanges: Bool, from table: StoredTable)
        throws(SiltstoneError)
    {
        let hash = JobCheckpoint.hash(job)
        if definitionHash == hash { return }
        let old = try JobCheckpoint.definitionText(job.checkpointName, from: table)
        let obstacles = JobChange.obstacles(from: old, to: job)
        guard takesChanges, obstacles.isEmpty else { throw JobChange.refusal(job, obstacles) }
        definitionHash = hash
    }
}
