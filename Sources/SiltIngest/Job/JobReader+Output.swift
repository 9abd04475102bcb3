import SiltStream

extension JobReader {
    /// `into`: where rows go.
    mutating func readOutput(_ map: inout JobMap) {
        guard let node = map.required("into", &self), var into = takeMap(node, "into") else {
            return
        }
        if let node = into.required("table", &self), let name = tableName(node, "table") {
            definition.table = name
        }
        if let node = into.take("row") {
            definition.row = template(node, "row") ?? RowTemplate()
        } else {
            definition.row.parts = [.key, .literal([0x23]), .start(.decimal)]
        }
        if definition.row.parts.isEmpty { report(node.mark, "row must not be empty") }
        if let node = into.take("family") {
            definition.family = template(node, "family") ?? RowTemplate()
            for part in definition.family.parts {
                switch part {
                case .literal, .windowName: break
                default: report(node.mark, "family may use {window.name} only")
                }
            }
        } else {
            definition.family.parts = [.windowName]
        }
        into.finish(&self)
    }

    /// `emit`: how often open windows are shown.
    mutating func readEmit(_ map: inout JobMap) {
        guard let node = map.take("emit") else { return }
        definition.emitMilliseconds = duration(node, "emit", minimum: 1)
        if case .kafka = definition.source {
            report(node.mark, "emit is not for kafka, whose partitions write parts of rows")
        }
        if !definition.windows.isEmpty, !definition.windows.contains(where: \.givesEarlyRows) {
            report(node.mark, "emit needs a window of fixed bounds without rank")
        }
        // The cells of what drops out of them later would stay.
        for aggregate in definition.aggregates
        where aggregate.function == .topValues || aggregate.function == .values {
            report(
                node.mark,
                "emit cannot be used with \(aggregate.function.name), whose cells come and go aggregate=\(aggregate.name)"
            )
        }
    }

    private mutating func template(_ node: DocumentNode, _ what: String) -> RowTemplate? {
        guard let text = text(node, what) else { return nil }
        do {
            return try RowTemplate(text)
        } catch {
            report(node, error)
            return nil
        }
    }

    /// `late` and `bad_records`.
    mutating func readLate(_ map: inout JobMap) {
        if let node = map.take("late") {
            switch node.content {
            case .scalar("merge", _): definition.late = .merge
            case .scalar("drop", _): definition.late = .drop
            case .map: readLateMap(node)
            default:
                report(node.mark, "late must be merge, drop or {table: NAME}, not \(node.kindName)")
            }
        }
        if let node = map.take("bad_records") {
            if case .scalar("drop", _) = node.content { return }
            guard var inner = takeMap(node, "bad_records") else { return }
            if let node = inner.required("table", &self) {
                definition.badRecordTable = tableName(node, "table")
            }
            inner.finish(&self)
        }
    }

    private mutating func readLateMap(_ node: DocumentNode) {
        guard var inner = takeMap(node, "late") else { return }
        var count = 0
        for (key, policy) in [("merge", JobDefinition.LatePolicy.merge), ("drop", .drop)] {
            guard let value = inner.take(key) else { continue }
            if value.bool == true { count += 1 } else { report(value.mark, "\(key) must be true") }
            definition.late = policy
        }
        if let value = inner.take("table") {
            count += 1
            if let name = tableName(value, "table") { definition.late = .table(name) }
        }
        if count != 1 { report(node.mark, "late takes exactly one of merge, table and drop") }
        inner.finish(&self)
    }
}
