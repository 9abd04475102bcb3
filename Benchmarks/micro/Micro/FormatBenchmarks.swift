import SiltBytes
import SiltCodec
import SiltFormat
import SiltModel

/// Keys, checksums, blocks and filters.
struct FormatBenchmarks {
    let measure: Measure

    func run() throws {
        keys()
        checksum()
        try blocks()
        try filters()
    }

    private func keys() {
        let rows = (0..<1_000).map { Cells.row($0) }
        let qualifier: Bytes = "v"
        measure.run("key encode", operations: rows.count) {
            rows.reduce(0) {
                $0 &+ UInt64(CellKey.columnKey(row: $1, qualifier: qualifier).count)
            }
        }
    }

    private func checksum() {
        var noise = Cells.Noise(3)
        let bytes = (0..<(16 << 10)).map { _ in UInt8(truncatingIfNeeded: noise.next()) }
        measure.run("checksum 16 KiB", operations: 100) {
            (0..<100).reduce(UInt64(0)) { sum, _ in sum &+ UInt64(CRC32C.checksum(bytes)) }
        }
    }

    private func blocks() throws {
        let cells = Cells(130)
        var builder = BlockBuilder()
        for (number, key) in cells.keys.enumerated() {
            builder.append(
                columnKey: key, timestamp: 1_700_000_000_000 + Int64(number), type: 4, flags: 0,
                sequence: UInt64(number), value: cells.value)
        }
        let payload = builder.finish()
        let file = Identifier(high: 1, low: 2)
        for (name, compression) in [("lz4", Compression.lz4), ("zstd", .zstd(level: 3))] {
            let decompressor = Decompressor()
            let stored = BlockFrame.seal(
                .data, payload, compressor: Compressor(compression), fileID: file, offset: 64)
            try measure.run("block decode \(name)", operations: 100) {
                var sum: UInt64 = 0
                for _ in 0..<100 {
                    let bytes = try BlockFrame.open(
                        .data, stored, decompressor: decompressor, fileID: file, offset: 64)
                    sum &+= UInt64(
                        try bytes.withUnsafeBytes { buffer throws(DecodingError) in
                            try BlockView(buffer).count
                        })
                }
                return sum
            }
        }
        try payload.withUnsafeBytes { buffer in
            let view = try BlockView(buffer)
            measure.run("block find", operations: cells.shuffled.count) {
                cells.shuffled.reduce(0) { sum, key in
                    sum &+ key.withUnsafeBytes { UInt64(view.find($0).entry) }
                }
            }
        }
    }

    private func filters() throws {
        guard measure.wants("filter probe hit") || measure.wants("filter probe miss") else {
            return
        }
        var noise = Cells.Noise(4)
        let hashes = (0..<1_000_000).map { _ in noise.next() }
        let others = (0..<100_000).map { _ in noise.next() }
        var builder = FilterBuilder(.row)
        for hash in hashes { builder.append(hash) }
        let payload = builder.finish()
        try payload.withUnsafeBytes { buffer in
            let view = try FilterView(buffer)
            for (name, probes) in [("hit", Array(hashes.prefix(100_000))), ("miss", others)] {
                measure.run("filter probe \(name)", operations: probes.count) {
                    probes.reduce(0) { $0 &+ (view.mayContain($1) ? 1 : 0) }
                }
            }
        }
    }
}
