package import SiltBytes
internal import SiltCodec
internal import SiltModel

extension SchemaRecord {
    /// The object's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 256)
        writer.write(table)
        writer.write(number)
        writer.writeSized(name)
        writer.write(state.rawValue)
        writer.writeVarint(UInt64(families.count))
        for family in families {
            writer.write(family.id)
            Self.write(family.settings, to: &writer)
        }
        writer.write(nextFamilyID)
        writer.write(durability?.rawValue ?? 0)
        writer.write(isReadOnly)
        writer.write(UInt16(clamping: hashBuckets ?? 0))
        writer.writeAttributes(attributes)
        writer.writeVarint(UInt64(regions.count))
        for region in regions {
            writer.write(region.id)
            writer.writeSized(region.rows.start.array)
            writer.writeSized(region.rows.end.array)
        }
        return SealedRecord.seal(magic: Self.magic, version: Self.version, writer.bytes)
    }

    /// Reads an object.
    package init(decoding bytes: [UInt8]) throws(DecodingError) {
        var reader = try SealedRecord.open(magic: Self.magic, version: Self.version, bytes)
        let table = try reader.readIdentifier()
        let number = try reader.readUInt64()
        let name = try reader.readSizedString()
        let code = try reader.readUInt8()
        guard let state = State(rawValue: code) else {
            throw reader.error("table state is unknown state=\(code)")
        }
        self.init(
            table: table, number: number, name: name, state: state, families: [], nextFamilyID: 0,
            regions: [])
        for _ in 0..<(try reader.readElementCount()) {
            let id = try reader.readUInt8()
            families.append(NumberedFamily(id: id, settings: try Self.readFamily(&reader)))
        }
        nextFamilyID = try reader.readUInt16()
        let level = try reader.readUInt8()
        durability = Durability(rawValue: level)
        guard level == 0 || durability != nil else {
            throw reader.error("durability is unknown durability=\(level)")
        }
        isReadOnly = try reader.readBool()
        if SealedRecord.version(of: bytes) >= 2 {
            let count = Int(try reader.readUInt16())
            guard count == 0 || (2...Limits.hashBucketsMax).contains(count) else {
                throw reader.error("number of buckets is out of range buckets=\(count)")
            }
            hashBuckets = count == 0 ? nil : count
        }
        attributes = try reader.readAttributes()
        for _ in 0..<(try reader.readElementCount()) {
            let id = try reader.readIdentifier()
            let start = Bytes(try reader.readSized())
            regions.append(
                Region(id: id, rows: RowClip(start: start, end: Bytes(try reader.readSized()))))
        }
        try reader.finish()
    }

    /// The attribute of a family that holds its collection rule.
    package static let ruleKey = "silt.gc"

    private static func write(_ family: Family, to writer: inout ByteWriter) {
        writer.writeSized(family.name)
        writer.writeVarint(UInt64(max(0, family.maxVersions)))
        writer.writeVarint(UInt64(max(0, family.minVersions)))
        writer.write(family.timeToLiveMilliseconds != nil)
        if let timeToLive = family.timeToLiveMilliseconds { writer.write(timeToLive) }
        writer.write(family.keepDeletedCells.rawValue)
        writer.write(family.bloomFilter.rawValue)
        writer.writeVarint(UInt64(max(0, family.blockBytes)))
        writer.write(Codec(family.compression).rawValue)
        if case .zstd(let level) = family.compression {
            writer.write(UInt8(min(max(level, 0), 255)))
        }
        var attributes = family.attributes
        attributes[ruleKey] = family.collectionRule?.text
        writer.writeAttributes(attributes)
    }

    private static func readFamily(_ reader: inout ByteReader) throws(DecodingError) -> Family {
        var family = Family(try reader.readSizedString())
        family.maxVersions = try reader.readInt()
        family.minVersions = try reader.readInt()
        family.timeToLiveMilliseconds = try reader.readBool() ? try reader.readInt64() : nil
        let keep = try reader.readUInt8()
        let filter = try reader.readUInt8()
        guard let keepDeletedCells = KeepDeletedCells(rawValue: keep),
            let bloomFilter = BloomFilterKind(rawValue: filter)
        else { throw reader.error("family setting is unknown keep=\(keep) filter=\(filter)") }
        family.keepDeletedCells = keepDeletedCells
        family.bloomFilter = bloomFilter
        family.blockBytes = try reader.readInt()
        let code = try reader.readUInt8()
        switch Codec(rawValue: code) {
        case .some(.none): family.compression = .none
        case .lz4: family.compression = .lz4
        case .zstd: family.compression = .zstd(level: Int(try reader.readUInt8()))
        case nil: throw reader.error("family compression is unknown codec=\(code)")
        }
        family.attributes = try reader.readAttributes()
        if let text = family.attributes.removeValue(forKey: ruleKey) {
            do throws(SiltstoneError) {
                family.collectionRule = try CollectionRule(parsing: text)
            } catch {
                throw reader.error(error.message)
            }
        }
        return family
    }
}
