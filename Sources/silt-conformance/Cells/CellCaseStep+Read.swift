import SiltBytes
import SiltModel
import SiltTable

extension CellCaseStep {
    private func projection() throws(SiltstoneError) -> Projection {
        var selectors = (step["families"]?.arrayValue ?? []).compactMap {
            $0.stringValue.map { Projection.Selector.family($0) }
        }
        selectors += (step["columns"]?.arrayValue ?? []).map {
            .column(Column($0[0]?.stringValue ?? "", $0[1]?.caseBytes ?? .empty))
        }
        let versions = step["versions"]
        let count = versions?.stringValue == "all" ? Int.max : Int(versions?.integerValue ?? 1)
        var projection = Projection(selectors, maxVersions: count, timeRange: timeRange(step))
        projection.cellsPerFamilyLimit = step["max_per_family"]?.integerValue.map { Int($0) }
        projection.cellsPerFamilyOffset = Int(step["offset_per_family"]?.integerValue ?? 0)
        if let filter = step["filter"] { projection.filter = try CaseFilter.make(filter) }
        return projection
    }

    func get(_ table: StoredTable) throws(SiltstoneError) -> String? {
        let found = try table.get(row, projection())?.cells ?? []
        guard let expected = step["expect"]?.arrayValue, !matches(found, expected) else {
            return nil
        }
        return "expected \(JSONValue.array(expected).text)\n        got \(words(found))"
    }

    func scan(_ table: StoredTable) throws(SiltstoneError) -> String? {
        let range = RowRange(
            start: step["start"]?.caseBytes ?? .empty, stop: step["stop"]?.caseBytes ?? .empty,
            includesStart: step["include_start"]?.boolValue ?? true,
            includesStop: step["include_stop"]?.boolValue ?? false,
            isReversed: step["reversed"]?.boolValue ?? false)
        let scanner = try table.scan(range, projection())
        let limit = step["limit"]?.integerValue ?? .max
        var rows: [Row] = []
        while rows.count < limit, let row = try scanner.next() { rows.append(row) }
        if let expected = step["expect_rows"]?.arrayValue,
            expected.map(\.caseBytes) != rows.map(\.key)
        {
            return
                "expected rows \(JSONValue.array(expected).text)\n        got rows \(rows.map(\.key))"
        }
        if let counts = step["expect_counts"] {
            let cellCount = rows.reduce(0) { $0 + $1.cells.count }
            if counts["rows"]?.integerValue != Int64(rows.count)
                || counts["cells"]?.integerValue != Int64(cellCount)
            {
                return "expected \(counts.text), got \(rows.count) rows, \(cellCount) cells"
            }
        }
        guard let expected = step["expect"]?.arrayValue else { return nil }
        let isSame =
            expected.count == rows.count
            && zip(expected, rows).allSatisfy { wanted, row in
                wanted["row"]?.caseBytes == row.key
                    && matches(row.cells, wanted["cells"]?.arrayValue ?? [])
            }
        if isSame { return nil }
        let got = rows.map { "\($0.key): \(words($0.cells))" }
        return
            "expected \(JSONValue.array(expected).text)\n        got \(got.joined(separator: "; "))"
    }

    private func words(_ cells: [Cell]) -> String {
        let texts = cells.map { "\($0.column)@\($0.timestamp)=\($0.value)" }
        return texts.isEmpty ? "nothing" : texts.joined(separator: ", ")
    }

    private func matches(_ cells: [Cell], _ expected: [JSONValue]) -> Bool {
        guard cells.count == expected.count else { return false }
        return zip(cells, expected).allSatisfy { cell, wanted in
            guard cell.column.family == wanted[0]?.caseBytes.string,
                cell.column.qualifier == wanted[1]?.caseBytes
            else { return false }
            if let timestamp = wanted[2]?.integerValue, timestamp != cell.timestamp { return false }
            guard let value = wanted[3], !value.isNull else { return true }
            return value.caseBytes == cell.value
        }
    }
}
