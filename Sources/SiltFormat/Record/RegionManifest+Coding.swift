package import SiltBytes

extension RegionManifest {
    /// The object's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 256)
        writer.write(number)
        writer.write(region)
        writer.write(table)
        writer.write(epoch)
        writer.write(incarnation)
        writer.writeSized(rows.start.array)
        writer.writeSized(rows.end.array)
        writer.write(state.rawValue)
        writer.write(maxTimestamp)
        writer.write(lastSequence)
        writer.writeVarint(UInt64(trees.count))
        for tree in trees {
            writer.write(tree.family)
            writer.write(tree.flushedSequence)
            writer.writeVarint(UInt64(tree.runs.count))
            for run in tree.runs {
                writer.write(run.level)
                writer.writeVarint(UInt64(run.files.count))
                for file in run.files { file.write(to: &writer) }
            }
        }
        for relatives in [parents, daughters] {
            writer.writeVarint(UInt64(relatives.count))
            for relative in relatives { writer.write(relative) }
        }
        // What has no origins is written as the first version of Siltstone wrote it.
        if trees.allSatisfy(\.origins.isEmpty) {
            return SealedRecord.seal(magic: Self.magic, version: 1, writer.bytes)
        }
        for tree in trees {
            writer.writeVarint(UInt64(tree.origins.count))
            for origin in tree.origins {
                writer.write(origin.region)
                writer.writeSized(origin.rows.start.array)
                writer.writeSized(origin.rows.end.array)
                writer.write(origin.flushedSequence)
            }
        }
        return SealedRecord.seal(magic: Self.magic, version: Self.version, writer.bytes)
    }

    /// Reads an object.
    package init(decoding bytes: [UInt8]) throws(DecodingError) {
        var reader = try SealedRecord.open(magic: Self.magic, version: Self.version, bytes)
        let number = try reader.readUInt64()
        let region = try reader.readIdentifier()
        let table = try reader.readIdentifier()
        let epoch = try reader.readUInt64()
        let incarnation = try reader.readIdentifier()
        let start = Bytes(try reader.readSized())
        let rows = RowClip(start: start, end: Bytes(try reader.readSized()))
        let code = try reader.readUInt8()
        guard let state = State(rawValue: code) else {
            throw reader.error("region state is unknown state=\(code)")
        }
        self.init(
            number: number, region: region, table: table, epoch: epoch, incarnation: incarnation,
            rows: rows, state: state)
        maxTimestamp = try reader.readInt64()
        lastSequence = try reader.readUInt64()
        for _ in 0..<(try reader.readElementCount()) {
            var tree = Tree(family: try reader.readUInt8())
            tree.flushedSequence = try reader.readUInt64()
            for _ in 0..<(try reader.readElementCount()) {
                var run = Run(level: try reader.readUInt8(), files: [])
                for _ in 0..<(try reader.readElementCount()) {
                    run.files.append(try TableFile(reading: &reader))
                }
                tree.runs.append(run)
            }
            trees.append(tree)
        }
        for _ in 0..<(try reader.readElementCount()) { parents.append(try reader.readIdentifier()) }
        for _ in 0..<(try reader.readElementCount()) {
            daughters.append(try reader.readIdentifier())
        }
        if SealedRecord.version(of: bytes) > 1 {
            for index in trees.indices {
                for _ in 0..<(try reader.readElementCount()) {
                    let region = try reader.readIdentifier()
                    let start = Bytes(try reader.readSized())
                    let rows = RowClip(start: start, end: Bytes(try reader.readSized()))
                    trees[index].origins.append(
                        Origin(
                            region: region, rows: rows, flushedSequence: try reader.readUInt64()))
                }
            }
        }
        try reader.finish()
    }
}
