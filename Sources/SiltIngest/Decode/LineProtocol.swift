/// Influx line protocol: `measurement,tag=value field=value,field="text" timestamp`.
///
/// The names a job may use are those of tags and fields, `measurement`, and `time` for the time stamp; a field hides a
/// tag of its name. Integers end with `i` or `u`, texts stand in quotes, all other values are doubles or truth values.
/// Commas, blanks and equals signs in names and tag values are escaped with a backslash, quotes and backslashes in texts
/// too. A text may not hold a line break.
struct LineProtocol {
    private let slots: [[UInt8]: Int]
    private let measurementSlot: Int?
    private let timeSlot: Int?

    /// A reader of the names whose paths are given, by slot.
    init(paths: [[String]]) {
        var slots: [[UInt8]: Int] = [:]
        for (slot, path) in paths.enumerated() {
            slots[Array(path.joined(separator: ".").utf8)] = slot
        }
        measurementSlot = slots.removeValue(forKey: Array("measurement".utf8))
        timeSlot = slots.removeValue(forKey: Array("time".utf8))
        self.slots = slots
    }

    /// Reads a line into the slots from `row` on; what is wrong with it, or `nil`.
    func read(
        _ bytes: [UInt8], _ line: Range<Int>, _ target: inout [Datum], _ row: Int,
        _ scratch: inout LineScratch
    ) -> String? {
        guard DelimitedScanner.isUTF8(bytes, line) else { return "line is not UTF-8" }
        var cursor = LineProtocolCursor(bytes, line)
        let measurement = cursor.takeName(stops: LineProtocolCursor.nameStops)
        guard !measurement.isEmpty else { return "measurement is missing" }
        if let measurementSlot { target[row + measurementSlot] = scratch.add(measurement) }
        while cursor.take(0x2c) {
            let name = cursor.takeName(stops: LineProtocolCursor.keyStops)
            guard !name.isEmpty, cursor.take(0x3d) else {
                return "tag has no name or no '=' at byte \(cursor.index - line.lowerBound)"
            }
            let value = cursor.takeName(stops: LineProtocolCursor.keyStops)
            guard !value.isEmpty else {
                return "tag has no value at byte \(cursor.index - line.lowerBound)"
            }
            if let slot = slots[name] {
                target[row + slot] = scratch.add(value, tag: Datum.Tag.untyped)
            }
        }
        guard cursor.take(0x20) else {
            return "fields are missing at byte \(cursor.index - line.lowerBound)"
        }
        cursor.skipBlanks()
        repeat {
            let name = cursor.takeName(stops: LineProtocolCursor.keyStops)
            guard !name.isEmpty, cursor.take(0x3d) else {
                return "field has no name or no '=' at byte \(cursor.index - line.lowerBound)"
            }
            let place = cursor.index
            guard let value = takeValue(&cursor, &scratch, isWanted: slots[name] != nil) else {
                return "field's value is none at byte \(place - line.lowerBound)"
            }
            if let slot = slots[name] { target[row + slot] = value }
        } while cursor.take(0x2c)
        return readTime(&cursor, line, &target, row)
    }

    private func readTime(
        _ cursor: inout LineProtocolCursor, _ line: Range<Int>, _ target: inout [Datum], _ row: Int
    ) -> String? {
        guard !cursor.isAtEnd else { return nil }
        guard cursor.take(0x20) else {
            return "text goes on after the fields at byte \(cursor.index - line.lowerBound)"
        }
        cursor.skipBlanks()
        let rest = cursor.takeRest()
        if rest.isEmpty { return nil }
        guard let time = Int64(String(decoding: rest, as: UTF8.self)) else {
            return "time stamp is not an integer"
        }
        if let timeSlot { target[row + timeSlot] = Datum(time) }
        return nil
    }

    private func takeValue(
        _ cursor: inout LineProtocolCursor, _ scratch: inout LineScratch, isWanted: Bool
    ) -> Datum? {
        if cursor.take(0x22) {
            guard let text = cursor.takeText() else { return nil }
            return isWanted ? scratch.add(text) : .null
        }
        var text = cursor.takeName(stops: LineProtocolCursor.nameStops)
        switch String(decoding: text, as: UTF8.self) {
        case "t", "T", "true", "True", "TRUE": return Datum(true)
        case "f", "F", "false", "False", "FALSE": return Datum(false)
        default: break
        }
        let suffix = text.last
        let isInteger = suffix == 0x69 || suffix == 0x75
        if isInteger { text.removeLast() }
        guard let first = text.first,
            first == 0x2d || first == 0x2b || first == 0x2e || first &- 0x30 < 10,
            let number = NumberText.parse(text, 0..<text.count)
        else { return nil }
        if isInteger {
            if number.tag == Datum.Tag.double || suffix == 0x75 && first == 0x2d { return nil }
            return number
        }
        return number.tag == Datum.Tag.int ? Datum(Double(number.bits)) : number
    }
}
