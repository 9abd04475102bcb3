internal import SiltBytes
package import SiltIO
package import SiltModel
internal import SiltTable
internal import Synchronization

/// Carries alerts to where they are told.
package protocol AlertTransport: Sendable {
    /// Sends a message and returns once the receiver has said that it has it.
    ///
    /// - Throws: when it has not, or it is not known; the message is sent again later.
    func post(_ body: [UInt8], to url: WebhookURL) throws(SiltstoneError)

    /// Writes a line to the standard output.
    func writeLine(_ line: String)
}

/// Delivers what stands in the outbox, each transition at least once.
///
/// A row goes when its receiver has answered with success; until then it is sent again, after a pause that grows
/// from 1 second to 5 minutes, also by the next process that opens the directory. A receiver gets the transitions of a job in
/// their order. One that takes none for so long that more than `countMax` wait loses the oldest of them: windows
/// never wait for it.
///
/// Used by one thread.
package final class AlertDelivery {
    /// How delivery stands.
    package struct Status: Sendable {
        /// How many transitions wait, each counted for each of its receivers.
        package var waiting = 0
        /// How many were delivered by this object.
        package var delivered = 0
        /// How many were given up by this object, as too many waited.
        package var givenUp = 0
        /// How long until the next try, in milliseconds; `nil` when nothing can be done until more comes.
        package var pauseMilliseconds: Int64?
        /// Why the last failed try did.
        package var lastError: SiltstoneError?

        /// Nothing done yet.
        package init() {}
    }

    private struct Notice {
        let row: Bytes
        let job: String
        let alert: JSONValue
    }

    private struct Trouble {
        var failures = 0
        var nextTry: Int64 = 0
    }

    private static let messageCountMax = 64
    private static let pauseMax: Int64 = 300_000

    private let tables: AlertTables
    private let transport: any AlertTransport
    private let clock: any Clock
    private let allows: (WebhookURL) -> Bool
    private let countMax: Int
    private var troubles: [String: Trouble] = [:]
    private var status = Status()

    /// Delivery from a store's outbox.
    ///
    /// - Parameters:
    ///   - countMax: so many transitions may wait for one receiver.
    ///   - allows: the receivers that may be told; what is for others stays.
    package init(
        _ tables: AlertTables, transport: any AlertTransport, clock: any Clock,
        countMax: Int = 10_000, allows: @escaping (WebhookURL) -> Bool = { _ in true }
    ) {
        self.tables = tables
        self.transport = transport
        self.clock = clock
        self.countMax = countMax
        self.allows = allows
    }

    /// Delivers what is due; blocks while receivers answer.
    package func deliver() throws(SiltstoneError) -> Status {
        var waiting: [String: [Notice]] = [:]
        let scanner = try tables.outbox.scan()
        while let row = try scanner.next() {
            guard let receiver = row[AlertTables.receiverColumn]?.value.string,
                let text = row[AlertTables.alertColumn]?.value,
                let alert = try? JSONValue(parsing: text.array)
            else {
                throw SiltstoneError(
                    .corrupted, "alert cannot be read row=\(row.key)",
                    at: .init(file: AlertTables.outboxName))
            }
            let job = String(decoding: row.key.array.prefix { $0 != 0 }, as: UTF8.self)
            waiting[receiver, default: []].append(Notice(row: row.key, job: job, alert: alert))
        }
        status.waiting = 0
        status.pauseMilliseconds = nil
        for (receiver, notices) in waiting.sorted(by: { $0.key < $1.key }) {
            var notices = notices[...]
            if notices.count > countMax {
                let excess = notices.prefix(notices.count - countMax)
                try remove(excess)
                status.givenUp += excess.count
                notices = notices.dropFirst(excess.count)
            }
            try deliver(notices, to: receiver)
        }
        return status
    }

    private func deliver(_ notices: ArraySlice<Notice>, to receiver: String) throws(SiltstoneError)
    {
        if receiver == "stdout" {
            for notice in notices { transport.writeLine(notice.alert.text) }
            return try done(notices)
        }
        guard let url = WebhookURL(receiver), allows(url) else {
            status.waiting += notices.count
            return
        }
        var rest = notices
        while !rest.isEmpty {
            if let trouble = troubles[receiver], clock.nowMilliseconds < trouble.nextTry { break }
            let message = Self.message(rest)
            do {
                try transport.post(
                    AlertMessage.body(message.map(\.alert), job: message[message.startIndex].job),
                    to: url)
            } catch {
                status.lastError = error
                var trouble = troubles[receiver] ?? Trouble()
                let pause = min(Self.pauseMax, 1000 << Int64(min(trouble.failures, 20)))
                trouble.failures += 1
                trouble.nextTry = clock.nowMilliseconds + pause
                troubles[receiver] = trouble
                break
            }
            troubles[receiver] = nil
            try done(message)
            rest = rest.dropFirst(message.count)
        }
        guard !rest.isEmpty else { return }
        status.waiting += rest.count
        let pause = max(1, (troubles[receiver]?.nextTry ?? 0) - clock.nowMilliseconds)
        status.pauseMilliseconds = min(status.pauseMilliseconds ?? .max, pause)
    }

    /// The first transitions of one job that go into one message, none of an alert twice.
    private static func message(_ notices: ArraySlice<Notice>) -> ArraySlice<Notice> {
        var seen: Set<String> = []
        let job = notices.first?.job
        return notices.prefix(messageCountMax).prefix { notice in
            notice.job == job
                && seen.insert(notice.alert["fingerprint"]?.stringValue ?? "").inserted
        }
    }

    private func done(_ notices: ArraySlice<Notice>) throws(SiltstoneError) {
        try remove(notices)
        status.delivered += notices.count
    }

    private func remove(_ notices: ArraySlice<Notice>) throws(SiltstoneError) {
        guard !notices.isEmpty else { return }
        try tables.outbox.write(notices.map { AlertTables.removal($0.row, family: "o") })
    }
}
