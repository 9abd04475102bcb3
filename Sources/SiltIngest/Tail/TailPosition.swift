internal import SiltBytes
internal import SiltFormat
internal import SiltIO

// Part of the format: docs/format/checkpoint.md.
extension TailedFiles {
    /// How far everything was read, as the sources of a checkpoint: what the files have in common, then the files.
    var encoded: [CheckpointRecord.Source] {
        var writer = ByteWriter()
        writer.write(nextChain)
        writer.writeVarint(UInt64(chains.count))
        for chain in chains.values.sorted(by: { $0.id < $1.id }) {
            writer.write(chain.id)
            writer.writeSized(chain.name)
            writer.write(chain.maxTime)
            writer.writeVarint(UInt64(chain.position))
            writer.writeVarint(UInt64(chain.generation))
        }
        writer.writeVarint(UInt64(past.count))
        for known in past {
            writer.write(known.chain)
            writer.writeVarint(UInt64(known.generation))
            known.mark.encode(into: &writer)
            writer.write(UInt8((known.isSkippingLine ? 1 : 0) | (known.isFinished ? 2 : 0)))
            writer.writeNames(known.header)
        }
        var sources = [
            CheckpointRecord.Source(name: "", kind: TailRunner.kind, position: writer.bytes)
        ]
        for file in files where file.chain != nil || file.original != nil {
            sources.append(
                CheckpointRecord.Source(
                    name: file.name, kind: TailRunner.kind, position: file.encoded))
        }
        return sources
    }

    /// Takes what a checkpoint says.
    mutating func restore(_ sources: [CheckpointRecord.Source], now: TailMoment)
        throws(DecodingError)
    {
        var reader = ByteReader(sources.first?.position ?? [])
        nextChain = try reader.readUInt32()
        for _ in 0..<(try reader.readCount(limit: 1 << 30)) {
            let id = try reader.readUInt32()
            var chain = Chain(id: id, name: try reader.readSizedString())
            chain.maxTime = try reader.readInt64()
            chain.position = try reader.readCount(limit: 1 << 60)
            chain.generation = try reader.readCount(limit: 1 << 60)
            chain.lastMilliseconds = now.monotonic
            chains[id] = chain
        }
        for _ in 0..<(try reader.readCount(limit: 1 << 20)) {
            var known = Past(
                chain: try reader.readUInt32(), generation: try reader.readCount(limit: 1 << 60),
                mark: try TailedFile.Mark(&reader), goneAt: now.monotonic)
            let flags = try reader.readUInt8()
            known.isSkippingLine = flags & 1 != 0
            known.isFinished = flags & 2 != 0
            known.header = try reader.readNames()
            past.append(known)
        }
        for source in sources.dropFirst() {
            files.append(try TailedFile(source.name, decoding: source.position, now: now))
        }
    }
}

extension TailedFile.Mark {
    fileprivate init(_ reader: inout ByteReader) throws(DecodingError) {
        offset = try reader.readCount(limit: 1 << 60)
        hash = try reader.readUInt64()
    }

    fileprivate func encode(into writer: inout ByteWriter) {
        writer.writeVarint(UInt64(offset))
        writer.write(hash)
    }
}

extension TailedFile {
    fileprivate var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.write(device)
        writer.write(number)
        writer.write(chain ?? original?.chain ?? 0)
        writer.writeVarint(UInt64(original?.generation ?? generation))
        (original?.own ?? mark).encode(into: &writer)
        let flags = (isSkippingLine ? 1 : 0) | (isFinished ? 2 : 0) | (original == nil ? 0 : 4)
        writer.write(UInt8(flags))
        // What was seen when there was no more, so that nobody has to look again.
        writer.writeSignedVarint(Int64(seen?.byteCount ?? -1))
        writer.write(seen?.modified ?? 0)
        writer.writeNames(original?.header ?? header)
        if let original {
            writer.write(original.identity.device)
            writer.write(original.identity.number)
        }
        return writer.bytes
    }

    fileprivate init(_ name: String, decoding bytes: [UInt8], now: TailMoment) throws(DecodingError)
    {
        var reader = ByteReader(bytes)
        let (device, number) = (try reader.readUInt64(), try reader.readUInt64())
        let chain = try reader.readUInt32()
        let generation = try reader.readCount(limit: 1 << 60)
        let mark = try Mark(&reader)
        let flags = try reader.readUInt8()
        let seenBytes = Int(try reader.readSignedVarint())
        let seenTime = try reader.readInt64()
        self.init(
            InputFileStatus(
                name: name, device: device, number: number, byteCount: max(0, seenBytes),
                modifiedMilliseconds: seenTime), now: now)
        let header = try reader.readNames()
        if flags & 4 != 0 {
            // They are compared again as soon as there is time.
            original = Original(
                identity: FileIdentity(
                    device: try reader.readUInt64(), number: try reader.readUInt64()),
                chain: chain, generation: generation, mark: Mark(), own: mark, isSure: false,
                header: header, originalByteCount: 0, byteCount: -1, modifiedMilliseconds: 0,
                checkedAt: .min / 2)
            return
        }
        self.chain = chain
        self.generation = generation
        self.mark = mark
        isSkippingLine = flags & 1 != 0
        isFinished = flags & 2 != 0
        if seenBytes >= 0 { seen = (seenBytes, seenTime) }
        self.header = header
    }
}

extension ByteWriter {
    fileprivate mutating func writeNames(_ names: [String]?) {
        write(UInt8(names == nil ? 0 : 1))
        guard let names else { return }
        writeVarint(UInt64(names.count))
        for name in names { writeSized(name) }
    }
}

extension ByteReader {
    fileprivate mutating func readNames() throws(DecodingError) -> [String]? {
        guard try readUInt8() == 1 else { return nil }
        var names: [String] = []
        for _ in 0..<(try readCount(limit: 1 << 20)) { names.append(try readSizedString()) }
        return names
    }
}
