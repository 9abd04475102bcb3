import SiltBytes
import SiltFormat
import SiltModel

/// Shows a file in words, by its magic bytes.
struct FileWords {
    let name: String
    let bytes: [UInt8]
    let showsCells: Bool

    /// Prints what the file holds, as far as it is in order; then fails with what is not.
    func print() throws(SiltstoneError) {
        switch String(decoding: bytes.prefix(7), as: UTF8.self) {
        case "SILTFMT":
            printFormat(
                try located(name, 0) { () throws(DecodingError) in try FormatRecord(decoding: bytes)
                })
        case "SILTSCH":
            printSchema(
                try located(name, 0) { () throws(DecodingError) in try SchemaRecord(decoding: bytes)
                })
        case "SILTMAN":
            printManifest(
                try located(name, 0) { () throws(DecodingError) in
                    try RegionManifest(decoding: bytes)
                })
        case "SILTCKP":
            printCheckpoint(
                try located(name, 0) { () throws(DecodingError) in
                    try CheckpointRecord(decoding: bytes)
                })
        case "SILTLOG": try printLog()
        case _ where String(decoding: bytes.suffix(8).prefix(7), as: UTF8.self) == "SILTSST":
            try printTable(try TableFileBytes(bytes, name: name))
        case _ where LogSegmentReader.isUnwritten(bytes):
            line(
                "\(bytes.count) zero bytes: a log segment that nothing was written to, or an empty file"
            )
        default:
            throw SiltstoneError(
                .corrupted, "no file of a data directory begins or ends like this",
                at: .init(file: name, offset: 0))
        }
    }

    func line(_ text: String) { Output.standard.write(text + "\n") }

    private func printFormat(_ record: FormatRecord) {
        line("FORMAT: the mark of a data directory")
        line("directory \(record.directory)")
        line("features \(record.features)")
        line("created \(Moment.text(record.createdMilliseconds))")
    }

    private func printSchema(_ record: SchemaRecord) {
        line("schema \(record.number) of table \(record.name) (\(record.table)), \(record.state)")
        line(
            "durability \((record.durability ?? .fsyncWAL).name)\(record.isReadOnly ? ", read-only" : "")"
        )
        if let buckets = record.hashBuckets { line("rows hashed over \(buckets) buckets") }
        for family in record.families {
            line("family \(family.id): \(FamilyText.text(family.settings))")
        }
        line("next family number \(record.nextFamilyID)")
        for (name, value) in record.attributes.sorted(by: { $0.key < $1.key }) {
            line("attribute \(name)=\(value)")
        }
        for region in record.regions { line("region \(region.id) \(words(region.rows))") }
    }

    private func printManifest(_ manifest: RegionManifest) {
        line("manifest \(manifest.number) of region \(manifest.region), \(manifest.state)")
        line("table \(manifest.table)")
        line("rows \(words(manifest.rows))")
        line("epoch \(manifest.epoch), written by incarnation \(manifest.incarnation)")
        line("last sequence \(manifest.lastSequence), last time stamp \(manifest.maxTimestamp)")
        for tree in manifest.trees {
            line("family \(tree.family): in files up to sequence \(tree.flushedSequence)")
            for origin in tree.origins {
                line(
                    "  the log may hold its rows under region \(origin.region), \(words(origin.rows)),"
                        + " after sequence \(origin.flushedSequence)")
            }
            for run in tree.runs {
                for file in run.files {
                    line(
                        "  level \(run.level) \(file.key): \(file.entryCount) entries,"
                            + " \(file.markerCount) markers, \(file.byteCount) bytes,"
                            + " sequences \(file.minSequence)…\(file.maxSequence)"
                            + (file.clip.map { ", clipped to \(words($0))" } ?? ""))
                }
            }
        }
        for parent in manifest.parents { line("came from region \(parent)") }
        for daughter in manifest.daughters { line("became region \(daughter)") }
    }

    private func printCheckpoint(_ record: CheckpointRecord) {
        line("checkpoint \(record.number) of job \(record.job)")
        line("created \(Moment.text(record.createdMilliseconds))")
        line("watermark \(record.watermarkMilliseconds.map(Moment.text) ?? "none yet")")
        for source in record.sources {
            line("source \(source.name) (\(source.kind)) position \(Hex.encode(source.position))")
        }
        for section in record.sections {
            line("section \(section.name), \(section.bytes.count) bytes")
        }
    }

    private func words(_ rows: RowClip) -> String {
        "from \(rows.start.isEmpty ? "the beginning" : rows.start.description)"
            + " to \(rows.end.isEmpty ? "the end" : rows.end.description)"
    }
}
