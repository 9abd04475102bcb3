internal import SiltBytes
package import SiltIO
package import SiltIngest
package import SiltModel

/// Writes a job's rows as files into a directory of HDFS: one for each checkpoint that gave some, NDJSON.
///
/// A file is written under another name first and renamed when it is whole. Its name has the number of the checkpoint,
/// so one that is delivered again after a kill is the same file: each row is there once.
package final class WebHDFSSink: RowSink {
    /// What tells it from the job's other sinks.
    package let name: String
    private let client: WebHDFSClient
    private let directory: String
    private var hasDirectory = false

    /// A sink into the directory that the settings name.
    package init(_ settings: WebHDFSSettings, clock: any Clock, random: any RandomSource) {
        name = SinkSettings.webhdfs(settings).name
        client = WebHDFSClient(settings, clock: clock, random: random)
        directory = settings.path == "/" ? "" : settings.path
    }

    /// Writes the file of a batch.
    package func deliver(_ batch: SinkBatch) throws(SiltstoneError) {
        if !hasDirectory { try client.makeDirectory(directory.isEmpty ? "/" : directory) }
        hasDirectory = true
        var content: [UInt8] = []
        for message in batch.messages {
            content += message.value
            content.append(0x0a)
        }
        let digits = String(batch.number)
        let file =
            "\(batch.job)-\(String(repeating: "0", count: max(0, 12 - digits.count)))\(digits).ndjson"
        let target = "\(directory)/\(file)"
        let temporary = "\(directory)/_\(file)._COPYING_"
        try client.create(temporary, content)
        if try client.rename(temporary, to: target) { return }
        // It is there already: from a delivery whose answer, or whose process, was lost.
        let status = try client.status(target)
        var known: [UInt8] = []
        if status.byteCount == content.count {
            try client.read(target, content.count, at: 0, into: &known)
        }
        guard known == content else {
            throw SiltstoneError(
                .conflict,
                "the file of a checkpoint is there with other content; use another directory or job name job=\(batch.job)",
                at: .init(file: target))
        }
        try client.remove(temporary)
    }
}
