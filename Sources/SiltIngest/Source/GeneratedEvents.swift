internal import SiltBytes
internal import SiltIO
internal import SiltModel

/// Events made up from a seed as NDJSON, the same every time: `ts`, `key`, `value` and `status`.
///
/// All lines are of one length, so that reading can go on anywhere.
package struct GeneratedEvents: Hashable, Sendable {
    /// The name of the file that the events make up.
    static let name = "generator"
    /// The length of a line with its newline.
    static let lineBytes = 96

    /// How many events there are.
    var count = 1000
    /// What decides keys, values and disorder.
    var seed: UInt64 = 1
    /// How many keys there are; half of the events go to an eighth of them.
    var keyCount = 100
    /// The first event's time.
    var startMilliseconds: Int64 = 1_735_689_600_000
    /// The time from one event to the next.
    var everyMilliseconds: Int64 = 10
    /// Events come up to so much later than they should.
    var disorderMilliseconds: Int64 = 0

    /// The line of an event.
    func line(_ index: Int) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(seed)
        writer.write(UInt64(index))
        let random = Hash64.hash(writer.bytes)
        let other = Hash64.hash(writer.bytes + [1])
        let late =
            disorderMilliseconds == 0 ? 0 : Int64(other >> 40) % (disorderMilliseconds + 1)
        let time = startMilliseconds + Int64(index) * everyMilliseconds - late
        let few = max(1, keyCount / 8)
        let key = random & 1 == 0 ? Int(random >> 32) % few : Int(random >> 32) % keyCount
        let value = Double(random >> 1 & 0x3fff) / 16
        let status = random >> 20 & 15 == 0 ? "error" : "ok"
        let text =
            "{\"ts\":\(time),\"key\":\"key-\(key)\",\"value\":\(value),\"status\":\"\(status)\"}"
        var bytes = Array(text.utf8)
        let blanks = GeneratedEvents.lineBytes - 1 - bytes.count
        bytes.append(contentsOf: repeatElement(0x20, count: max(0, blanks)))
        bytes.append(0x0a)
        return bytes
    }
}

/// The one file of generated events.
struct GeneratedFiles: InputFiles {
    private let events: GeneratedEvents

    init(_ events: GeneratedEvents) { self.events = events }

    func names(matching path: String) throws(SiltstoneError) -> [String] { [GeneratedEvents.name] }

    func statuses(matching path: String) throws(SiltstoneError) -> [InputFileStatus] { [] }

    func open(_ name: String) throws(SiltstoneError) -> any InputFile { GeneratedFile(events) }

    func standardInput() throws(SiltstoneError) -> any InputFile { GeneratedFile(events) }
}

/// Generated events as a file.
private final class GeneratedFile: InputFile {
    private let events: GeneratedEvents

    init(_ events: GeneratedEvents) { self.events = events }

    var name: String { GeneratedEvents.name }

    func byteCount() throws(SiltstoneError) -> Int? { events.count * GeneratedEvents.lineBytes }

    func status() throws(SiltstoneError) -> InputFileStatus? { nil }

    func read(_ count: Int, at offset: Int, into bytes: inout [UInt8]) throws(SiltstoneError) -> Int
    {
        let end = min(offset + count, events.count * GeneratedEvents.lineBytes)
        var place = offset
        while place < end {
            let line = events.line(place / GeneratedEvents.lineBytes)
            let within = place % GeneratedEvents.lineBytes
            let taken = min(line.count - within, end - place)
            bytes.append(contentsOf: line[within..<(within + taken)])
            place += taken
        }
        return max(0, end - offset)
    }
}
