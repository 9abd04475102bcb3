import ArgumentParser
import SiltModel

/// Families as typed: `cf`, or `cf:versions=3,ttl=30d,compression=zstd:3`.
///
/// Names are HBase's, in either case.
enum FamilyText {
    /// The settings known, for messages.
    static let settingNames = [
        "versions", "min_versions", "ttl", "keep_deleted_cells", "bloomfilter", "blocksize",
        "compression", "gc",
    ]

    /// The family that a text describes.
    static func family(_ text: String) throws -> Family {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.first, !name.isEmpty else {
            throw ValidationError("a family is written name or name:setting=value,…, not '\(text)'")
        }
        var family = Family(String(name))
        if parts.count == 1 { return family }
        var keys: Set<String> = []
        for setting in parts[1].split(separator: ",") {
            guard let equals = setting.firstIndex(of: "=") else {
                throw ValidationError(
                    "a setting is written name=value, not '\(setting)' in '\(text)'")
            }
            let key = setting[..<equals].lowercased()
            keys.insert(key)
            try set(key, String(setting[setting.index(after: equals)...]), of: &family)
        }
        guard !keys.contains("gc") || keys.isDisjoint(with: ["versions", "min_versions", "ttl"])
        else {
            throw ValidationError(
                "gc says what versions, min_versions and ttl are: give one or the others in '\(text)'"
            )
        }
        return family
    }

    private static func set(_ key: String, _ value: String, of family: inout Family) throws {
        switch key {
        case "versions": family.maxVersions = try count(value, key, from: 1)
        case "min_versions": family.minVersions = try count(value, key, from: 0)
        case "ttl":
            family.timeToLiveMilliseconds =
                value.lowercased() == "forever"
                ? nil : try DurationText.milliseconds(value, as: "ttl")
        case "keep_deleted_cells", "keep_deleted":
            family.keepDeletedCells = try choice(
                value, key, ["false": .no, "true": .yes, "ttl": .untilTimeToLive])
        case "bloomfilter", "bloom":
            family.bloomFilter = try choice(
                value, key, ["none": .none, "row": .row, "rowcol": .rowAndColumn])
        case "blocksize": family.blockBytes = try count(value, key, from: 1)
        case "compression": family.compression = try compression(value)
        case "gc":
            do throws(SiltstoneError) {
                family.collectionRule = try CollectionRule(parsing: value)
            } catch { throw ValidationError(error.message) }
        default:
            throw ValidationError(
                "no family setting is named '\(key)'; there are \(settingNames.joined(separator: ", "))"
            )
        }
    }

    private static func count(_ text: String, _ key: String, from least: Int) throws -> Int {
        guard let number = Int(text), number >= least else {
            throw ValidationError("\(key) is a number from \(least), not '\(text)'")
        }
        return number
    }

    private static func choice<Value>(_ text: String, _ key: String, _ values: [String: Value])
        throws
        -> Value
    {
        if let value = values[text.lowercased()] { return value }
        throw ValidationError(
            "\(key) is one of \(values.keys.sorted().joined(separator: ", ")), not '\(text)'")
    }

    private static func compression(_ text: String) throws -> Compression {
        let parts = text.lowercased().split(separator: ":")
        switch (parts.first, parts.count) {
        case ("none", 1): return .none
        case ("lz4", 1): return .lz4
        case ("zstd", 1): return .zstd(level: 3)
        case ("zstd", 2):
            if let level = Int(parts[1]), (1...19).contains(level) { return .zstd(level: level) }
        default: break
        }
        throw ValidationError(
            "compression is none, lz4 or zstd:LEVEL with a level from 1 to 19, not '\(text)'")
    }

    /// The settings of a family that differ from the defaults, as they could be typed.
    static func settings(of family: Family) -> [(name: String, value: String)] {
        let plain = Family(family.name)
        var found: [(name: String, value: String)] = []
        if let rule = family.collectionRule {
            found.append(("gc", rule.text))
        } else {
            found += versions(of: family, plain)
        }
        switch family.keepDeletedCells {
        case .no: break
        case .yes: found.append(("keep_deleted_cells", "true"))
        case .untilTimeToLive: found.append(("keep_deleted_cells", "ttl"))
        }
        switch family.bloomFilter {
        case .none: found.append(("bloomfilter", "none"))
        case .row: break
        case .rowAndColumn: found.append(("bloomfilter", "rowcol"))
        }
        if family.blockBytes != plain.blockBytes {
            found.append(("blocksize", "\(family.blockBytes)"))
        }
        switch family.compression {
        case .none: found.append(("compression", "none"))
        case .lz4: break
        case .zstd(let level): found.append(("compression", "zstd:\(level)"))
        }
        return found
    }

    private static func versions(of family: Family, _ plain: Family) -> [(
        name: String, value: String
    )] {
        var found: [(name: String, value: String)] = []
        if family.maxVersions != plain.maxVersions {
            found.append(("versions", "\(family.maxVersions)"))
        }
        if family.minVersions != plain.minVersions {
            found.append(("min_versions", "\(family.minVersions)"))
        }
        if let life = family.timeToLiveMilliseconds {
            found.append(("ttl", DurationText.print(milliseconds: life)))
        }
        return found
    }

    /// A family as it could be typed.
    static func text(_ family: Family) -> String {
        let settings = settings(of: family).map { "\($0.name)=\($0.value)" }
        return settings.isEmpty ? family.name : "\(family.name):\(settings.joined(separator: ","))"
    }
}
