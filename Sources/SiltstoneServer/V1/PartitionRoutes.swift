import NIOHTTP1
import SiltBytes
import SiltIngest
import SiltModel

/// `/v1/jobs/{j}/partitions/{p}/claim` and `/commit`: what members of a group keep here.
struct PartitionRoutes {
    let partitions: SharedPartitions
    let request: Request

    func reply(job: String, partition: String, action: String) throws(SiltstoneError) -> Reply {
        guard request.method == .POST else { return V1Routes.methodNotAllowed("POST") }
        guard let number = Int32(partition), number >= 0, action == "claim" || action == "commit"
        else { throw SiltstoneError(.notFound, "no such path, see docs/http") }
        let (partitions, body) = (partitions, request.body)
        return .work { () throws(SiltstoneError) in
            let document: [UInt8]
            var commit: PartitionCommit?
            do {
                var reader = ByteReader(body)
                document = try reader.readSized()
                if action == "commit" {
                    commit = try PartitionCommit(decoding: try reader.readBytes(reader.remaining))
                }
            } catch {
                throw SiltstoneError(.invalidArgument, "request cannot be read: \(error)")
            }
            let store = try partitions.open(job, document: document)
            guard let commit else {
                let claim = try store.claim(number)
                return .json(
                    .ok,
                    .object(
                        ("epoch", .integer(Int64(clamping: claim.epoch))),
                        (
                            "checkpoint",
                            claim.checkpoint.map { .string(Base64.encode($0)) } ?? .null
                        )))
            }
            guard commit.partition == number else {
                throw SiltstoneError(.invalidArgument, "commit is of another partition")
            }
            try store.commit(commit)
            return .json(.ok, .object(("committed", .integer(Int64(clamping: commit.number)))))
        }
    }
}
