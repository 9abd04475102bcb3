public import SiltBytes

extension Filter {
    /// The longest text of a filter, in bytes.
    private static let textBytesMax = 1 << 20

    /// Parses HBase's filter language, or the scanner's JSON form when the text begins with `{`.
    ///
    /// In the language a filter is written `Name(argument, …)`; `SKIP` and `WHILE` stand before one, `AND` and `OR`
    /// between two, and parentheses group. Bytes and comparators stand in single quotes, with two quotes for one.
    /// - Throws: `invalidArgument` with the place in bytes.
    public init(parsing text: Bytes) throws(SiltstoneError) {
        guard text.count <= Self.textBytesMax else {
            throw SiltstoneError(
                .invalidArgument, "filter is too long bytes=\(text.count) max=\(Self.textBytesMax)")
        }
        let first = text.array.first { $0 > 0x20 }
        guard first == UInt8(ascii: "{") else {
            var parser = FilterParser(text.array)
            self = try parser.parse()
            return
        }
        do {
            self = try Filter(json: try JSONValue(parsing: text.array))
        } catch let error as SiltstoneError {
            throw error
        } catch {
            throw SiltstoneError(.invalidArgument, "filter is not JSON: \(error)")
        }
    }

    /// Parses HBase's filter language, or the scanner's JSON form when the text begins with `{`.
    public init(parsing text: String) throws(SiltstoneError) { try self.init(parsing: Bytes(text)) }
}
