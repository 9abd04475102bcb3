internal import SiltBytes
internal import SiltModel

extension AlertEvaluator {
    /// What must be kept to go on later: docs/format/checkpoint.md.
    func encodeState() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(UInt8(1))
        writer.write(sequence)
        writer.writeVarint(UInt64(job.alerts.count))
        let keys = instances.keys.sorted { $0.precedes($1) }
        for (index, rule) in job.alerts.enumerated() {
            writer.writeSized(rule.name)
            writer.write(Hash64.hash(Array(rule.definitionText.utf8)))
            writer.write(greatestEnds[index])
            let own = keys.filter { $0.rule == index }
            writer.writeVarint(UInt64(own.count))
            for key in own {
                writer.writeSized(key.bytes)
                instances[key]?.encode(to: &writer)
            }
            let held = waiting.sorted { $0.key < $1.key }.flatMap { end, found in
                found.filter { $0.key.rule == index }.sorted { $0.key.precedes($1.key) }
                    .map { (end, $0.key.bytes, $0.value) }
            }
            writer.writeVarint(UInt64(held.count))
            for (end, key, finding) in held {
                writer.write(end)
                writer.writeSized(key)
                finding.encode(to: &writer)
            }
        }
        return writer.bytes
    }

    /// Goes on from a kept state.
    ///
    /// An alert whose definition is not the one of the state begins anew, and what it had firing is resolved. With
    /// `isFresh` all do.
    mutating func restore(_ bytes: [UInt8], isFresh: Bool = false) throws(DecodingError) {
        guard !bytes.isEmpty else { return }
        var reader = ByteReader(bytes)
        guard try reader.readUInt8() == 1 else {
            throw reader.error("state of alerts has an unknown version")
        }
        sequence = try reader.readUInt64()
        for _ in 0..<(try reader.readCount(limit: 1 << 20)) {
            let name = try reader.readSizedString()
            let hash = try reader.readUInt64()
            let rule = job.alerts.firstIndex { $0.name == name }
            let isKept =
                !isFresh
                && rule.map { Hash64.hash(Array(job.alerts[$0].definitionText.utf8)) } == hash
            let greatestEnd = try reader.readInt64()
            if isKept, let rule { greatestEnds[rule] = greatestEnd }
            for _ in 0..<(try reader.readCount(limit: bytes.count)) {
                let key = try reader.readSized()
                let instance = try AlertInstance(&reader)
                if let rule { restore(instance, AlertKey(rule: rule, bytes: key), isKept) }
            }
            for _ in 0..<(try reader.readCount(limit: bytes.count)) {
                let end = try reader.readInt64()
                let key = try reader.readSized()
                let finding = try AlertFinding(&reader)
                if isKept, let rule {
                    waiting[end, default: [:]][AlertKey(rule: rule, bytes: key)] = finding
                }
            }
        }
    }

    private mutating func restore(_ instance: AlertInstance, _ key: AlertKey, _ isKept: Bool) {
        if isKept {
            settle(key, instance, was: instance.phase)
        } else if instance.phase == .firing {
            var instance = instance
            resolve(&instance, key, at: max(instance.firedAt, instance.lastEnd))
            changed[key] = instance
        }
    }
}

extension AlertInstance {
    private static let clears: UInt8 = 1
    private static let misses: UInt8 = 2
    private static let hasPrevious: UInt8 = 4

    func encode(to writer: inout ByteWriter) {
        writer.write(phase.rawValue)
        writer.write(
            (clearSince == nil ? 0 : Self.clears) | (isMissing ? Self.misses : 0)
                | (previous == nil ? 0 : Self.hasPrevious))
        writer.write(lastEnd)
        writer.write(activeSince)
        writer.write(firedAt)
        if let clearSince { writer.write(clearSince) }
        if let previous { writer.write(previous.bitPattern) }
        AlertFinding.encode(values, to: &writer)
    }

    init(_ reader: inout ByteReader) throws(DecodingError) {
        guard let phase = Phase(rawValue: try reader.readUInt8()) else {
            throw reader.error("alert has an unknown phase")
        }
        let flags = try reader.readUInt8()
        self.phase = phase
        isMissing = flags & Self.misses != 0
        lastEnd = try reader.readInt64()
        activeSince = try reader.readInt64()
        firedAt = try reader.readInt64()
        if flags & Self.clears != 0 { clearSince = try reader.readInt64() }
        if flags & Self.hasPrevious != 0 {
            previous = Double(bitPattern: try reader.readUInt64())
        }
        values = try AlertFinding.decode(&reader)
    }
}

extension AlertFinding {
    func encode(to writer: inout ByteWriter) {
        writer.write((holds ? 1 : 0) | (number == nil ? UInt8(0) : 2))
        if let number { writer.write(number.bitPattern) }
        Self.encode(values, to: &writer)
    }

    init(_ reader: inout ByteReader) throws(DecodingError) {
        let flags = try reader.readUInt8()
        holds = flags & 1 != 0
        if flags & 2 != 0 { number = Double(bitPattern: try reader.readUInt64()) }
        values = try Self.decode(&reader)
    }

    static func encode(_ values: [[UInt8]?], to writer: inout ByteWriter) {
        writer.writeVarint(UInt64(values.count))
        for value in values {
            writer.write(UInt8(value == nil ? 0 : 1))
            if let value { writer.writeSized(value) }
        }
    }

    static func decode(_ reader: inout ByteReader) throws(DecodingError) -> [[UInt8]?] {
        var values: [[UInt8]?] = []
        for _ in 0..<(try reader.readCount(limit: 1 << 20)) {
            values.append(try reader.readUInt8() == 1 ? try reader.readSized() : nil)
        }
        return values
    }
}
