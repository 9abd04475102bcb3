import Foundation
import SiltBytes
import SiltIngest
import SiltModel

/// Keeps the partitions of a job on a server, for all members of a group.
final class RemotePartitionStore: PartitionStore {
    /// How long a server that does not answer is asked again; it may be starting anew.
    private static let patienceSeconds = 60.0

    private let client: HTTPClient
    private let path: String
    private let document: [UInt8]

    init(_ address: ServerAddress, job: String, document: [UInt8]) {
        client = HTTPClient(address)
        path = "/v1/jobs/\(HTTPClient.escape(Bytes(job)))/partitions"
        var writer = ByteWriter()
        writer.writeSized(document)
        self.document = writer.bytes
    }

    deinit { client.close() }

    func claim(_ partition: Int32) throws(SiltstoneError) -> PartitionClaim {
        let body = try send("\(path)/\(partition)/claim", document)
        guard let answer = try? JSONValue(parsing: body), let epoch = answer["epoch"]?.integerValue
        else { throw SiltstoneError(.unavailable, "server's answer cannot be read path=\(path)") }
        return PartitionClaim(
            epoch: UInt64(clamping: epoch),
            checkpoint: answer["checkpoint"]?.stringValue.flatMap { Base64.decode($0) })
    }

    func commit(_ commit: PartitionCommit) throws(SiltstoneError) {
        _ = try send("\(path)/\(commit.partition)/commit", document + commit.encoded)
    }

    /// Sends a request until it is answered: a commit that was taken already is not taken twice.
    private func send(_ path: String, _ body: [UInt8]) throws(SiltstoneError) -> [UInt8] {
        let deadline = Date().addingTimeInterval(Self.patienceSeconds)
        while true {
            var problem = ""
            do {
                let answer = try client.request("POST", path, body)
                if (200..<300).contains(answer.status) { return answer.body }
                let text =
                    (try? JSONValue(parsing: answer.body))?["error"]?["message"]?.stringValue
                    ?? "the server answered \(answer.status)"
                switch answer.status {
                case 412: throw SiltstoneError(.conditionFailed, text)
                case 429, 500..., 503: problem = text
                default: throw SiltstoneError(.conflict, text)
                }
            } catch let error as SiltstoneError {
                throw error
            } catch {
                problem = (error as? CommandFailure)?.message ?? "\(error)"
            }
            if Date() >= deadline { throw SiltstoneError(.unavailable, problem) }
            Thread.sleep(forTimeInterval: 0.25)
        }
    }
}
