import SiltModel
import SiltStream

extension JobReader {
    /// `map`: computed fields, in order; each may use those before it.
    mutating func readMappings(_ map: inout JobMap) {
        guard let node = map.take("map") else { return }
        guard let entries = node.entries else {
            report(node.mark, "map must be a map of names to expressions, not \(node.kindName)")
            return
        }
        for entry in entries {
            if entry.key.isEmpty || definition.mappings.contains(where: { $0.name == entry.key }) {
                report(entry.mark, "name '\(entry.key)' is empty or occurs twice in map")
            } else if let expression = expression(entry.value, entry.key) {
                definition.mappings.append(.init(name: entry.key, expression: expression))
            }
        }
    }

    /// `key`: zero or more fields.
    mutating func readKey(_ map: inout JobMap) {
        guard let node = map.take("key") else { return }
        for node in node.list ?? [node] {
            guard let path = field(node, "key") else { continue }
            if definition.key.contains(path) {
                report(node.mark, "field occurs twice in key")
            } else {
                definition.key.append(path)
            }
        }
    }

    /// `windows`: at least one.
    mutating func readWindows(_ map: inout JobMap) {
        guard let node = map.required("windows", &self) else { return }
        guard let list = node.list, !list.isEmpty else {
            report(node.mark, "windows must be a list of at least one window")
            return
        }
        for node in list {
            guard var window = takeMap(node, "a window") else { continue }
            readWindow(&window, node)
            window.finish(&self)
        }
    }

    private mutating func readWindow(_ window: inout JobMap, _ node: DocumentNode) {
        var name = ""
        if let node = window.required("name", &self), let text = text(node, "name") {
            if !isName(text) {
                report(node.mark, "window name may hold letters, digits, '_', '-' and '.' only")
            } else if definition.windows.contains(where: { $0.name == text }) {
                report(node.mark, "window name '\(text)' occurs twice")
            }
            name = text
        }
        let offset = window.take("offset").flatMap { duration($0, "offset", minimum: .min) } ?? 0
        var shapes: [WindowSpec.Shape] = []
        var kinds = 0
        if let node = window.take("tumble") {
            kinds += 1
            if let size = duration(node, "tumble", minimum: 1) {
                shapes.append(.tumbling(sizeMilliseconds: size, offsetMilliseconds: offset))
            }
        }
        if let (size, every) = pair("hop", "size", "every", &window, &kinds) {
            shapes.append(
                .hopping(
                    sizeMilliseconds: size, slideMilliseconds: every, offsetMilliseconds: offset))
        }
        if let (size, step) = pair("cumulate", "size", "step", &window, &kinds) {
            shapes.append(
                .cumulate(
                    sizeMilliseconds: size, stepMilliseconds: step, offsetMilliseconds: offset))
        }
        if let shape = readSession(&window, &kinds) { shapes.append(shape) }
        if let shape = readCount(&window, &kinds) { shapes.append(shape) }
        if let shape = readCalendar(&window, &kinds) { shapes.append(shape) }
        if let node = window.take("global") {
            kinds += 1
            if node.bool != true { report(node.mark, "global must be true") }
            shapes.append(.global)
        }
        if kinds != 1 {
            report(
                node.mark,
                "a window needs exactly one of tumble, hop, session, cumulate, count, calendar and global"
            )
        }
        var discards = false
        if let node = window.take("on_fire") {
            switch node.text {
            case "accumulate": break
            case "discard": discards = true
            default: report(node.mark, "on_fire is accumulate or discard")
            }
        }
        let rank = readRank(&window)
        guard kinds == 1, let shape = shapes.first else { return }
        let spec = WindowSpec(name: name, shape, discards: discards, rank: rank)
        do {
            try spec.validate()
            definition.windows.append(spec)
        } catch {
            report(node.mark, error.message)
        }
    }

    private mutating func pair(
        _ kind: String, _ first: String, _ second: String, _ window: inout JobMap,
        _ kinds: inout Int
    ) -> (Int64, Int64)? {
        guard let node = window.take(kind) else { return nil }
        kinds += 1
        guard var inner = takeMap(node, kind) else { return nil }
        let one = inner.required(first, &self).flatMap { duration($0, first, minimum: 1) }
        let two = inner.required(second, &self).flatMap { duration($0, second, minimum: 1) }
        inner.finish(&self)
        guard let one, let two else { return nil }
        return (one, two)
    }

    /// `aggregates`: names and calls; the order of names is that of the cells.
    mutating func readAggregates(_ map: inout JobMap) {
        guard let node = map.required("aggregates", &self) else { return }
        guard let entries = node.entries, !entries.isEmpty else {
            report(
                node.mark, "aggregates must be a map of at least one name to a call such as count()"
            )
            return
        }
        for entry in entries {
            if !isName(entry.key) || entry.key.hasPrefix("_") {
                report(
                    entry.mark,
                    "aggregate name may hold letters, digits, '_', '-' and '.' only and not begin with '_' or '.'"
                )
            }
            if definition.aggregates.contains(where: { $0.name == entry.key }) {
                report(entry.mark, "aggregate '\(entry.key)' occurs twice")
            }
            guard let text = text(entry.value, entry.key) else { continue }
            do {
                definition.aggregates.append(try aggregate(entry.key, text))
            } catch {
                report(entry.value, error)
            }
        }
        definition.aggregates.sort {
            Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8))
        }
    }
}
