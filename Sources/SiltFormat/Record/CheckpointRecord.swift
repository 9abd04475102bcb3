package import SiltBytes

/// How far an ingest job has come: enough to go on exactly there.
///
/// Part of the format: docs/format/checkpoint.md.
///
/// What windows hold is the ingest's own matter: it stands in named sections, each with its
/// checksum.
package struct CheckpointRecord: Hashable, Sendable {
    static let magic = "SILTCKP\n"
    static let version: UInt32 = 1

    /// How far a source was read.
    package struct Source: Hashable, Sendable {
        /// The source's name within the job.
        package var name: String
        /// What kind of source it is, such as `file`; says how to read the position.
        package var kind: String
        /// The position, in the source's own form.
        package var position: [UInt8]

        /// A position.
        package init(name: String, kind: String, position: [UInt8]) {
            self.name = name
            self.kind = kind
            self.position = position
        }
    }

    /// The job's name.
    package var job: String
    /// The checkpoint's number, counting up over the job's life.
    package var number: UInt64
    /// A hash of the job's definition: a checkpoint of another definition is not used.
    package var definitionHash: UInt64
    /// When it was made, in milliseconds since 1970.
    package var createdMilliseconds: Int64
    /// The job's watermark in milliseconds since 1970; `nil` before the first event.
    package var watermarkMilliseconds: Int64?
    /// How far each source was read.
    package var sources: [Source]
    /// Named state, opaque here.
    package var sections: [(name: String, bytes: [UInt8])]

    /// A checkpoint.
    package init(
        job: String, number: UInt64, definitionHash: UInt64, createdMilliseconds: Int64,
        watermarkMilliseconds: Int64? = nil, sources: [Source] = [],
        sections: [(name: String, bytes: [UInt8])] = []
    ) {
        self.job = job
        self.number = number
        self.definitionHash = definitionHash
        self.createdMilliseconds = createdMilliseconds
        self.watermarkMilliseconds = watermarkMilliseconds
        self.sources = sources
        self.sections = sections
    }

    /// The bytes of the section with this name; `nil` when there is none.
    package func section(_ name: String) -> [UInt8]? { sections.first { $0.name == name }?.bytes }

    /// The record's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 256)
        writer.writeSized(job)
        writer.write(number)
        writer.write(definitionHash)
        writer.write(createdMilliseconds)
        writer.write(watermarkMilliseconds != nil)
        if let watermarkMilliseconds { writer.write(watermarkMilliseconds) }
        writer.writeVarint(UInt64(sources.count))
        for source in sources {
            writer.writeSized(source.name)
            writer.writeSized(source.kind)
            writer.writeSized(source.position)
        }
        writer.writeVarint(UInt64(sections.count))
        for section in sections {
            writer.writeSized(section.name)
            writer.writeSized(section.bytes)
            writer.write(CRC32C.checksum(section.bytes))
        }
        return SealedRecord.seal(magic: Self.magic, version: Self.version, writer.bytes)
    }

    /// Reads a record.
    package init(decoding bytes: [UInt8]) throws(DecodingError) {
        var reader = try SealedRecord.open(magic: Self.magic, version: Self.version, bytes)
        job = try reader.readSizedString()
        number = try reader.readUInt64()
        definitionHash = try reader.readUInt64()
        createdMilliseconds = try reader.readInt64()
        watermarkMilliseconds = try reader.readBool() ? try reader.readInt64() : nil
        sources = []
        for _ in 0..<(try reader.readElementCount()) {
            let name = try reader.readSizedString()
            let kind = try reader.readSizedString()
            sources.append(Source(name: name, kind: kind, position: try reader.readSized()))
        }
        sections = []
        for _ in 0..<(try reader.readElementCount()) {
            let name = try reader.readSizedString()
            let section = try reader.readSized()
            guard try reader.readUInt32() == CRC32C.checksum(section) else {
                throw reader.error("checkpoint section checksum is wrong name=\(name)")
            }
            sections.append((name, section))
        }
        try reader.finish()
    }

    /// Whether all parts are the same.
    package static func == (left: CheckpointRecord, right: CheckpointRecord) -> Bool {
        left.encoded() == right.encoded()
    }

    /// Hashes the encoded form.
    package func hash(into hasher: inout Hasher) { hasher.combine(encoded()) }
}
