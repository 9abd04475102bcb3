import ArgumentParser
import SiltBytes
import SiltIO
import SiltModel
import SiltTable
import SiltstoneServer

/// Administration of tokens.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make, list and revoke the tokens with which clients come in.",
        discussion: """
            From the first token on the server answers nobody without one. A token is shown once, when it \
            is made; the directory keeps only its digest. The first one is made with --data, while no \
            server has the directory; the others also with --server and a token with admin rights over \
            all tables in the environment variable SILT_TOKEN.
            """,
        subcommands: [
            TokenCreateCommand.self, TokenListCommand.self, TokenRevokeCommand.self,
        ])

    /// The tokens of a directory, for the duration of `body`.
    static func withTokens<Result>(
        _ directory: String, creates: Bool = false, _ body: (AccessTokens) throws -> Result
    ) throws -> Result {
        let store = try EmbeddedAccess.open(directory, creates: creates)
        let result: Result
        do {
            result = try body(try AccessTokens(store: store))
        } catch {
            try? store.closeWithEnvironment()
            throw error
        }
        try store.closeWithEnvironment()
        return result
    }

    /// What a server answers.
    static func ask(
        _ address: ServerAddress, _ method: String, _ path: String, _ body: JSONValue? = nil
    )
        throws -> JSONValue
    {
        let client = HTTPClient(address)
        defer { client.close() }
        return try JSONValue(parsing: client.send(method, path, body?.bytes ?? []))
    }

    static func path(_ name: String) -> String { "/v1/tokens/\(HTTPClient.escape(Bytes(name)))" }
}

/// `silt token create`.
struct TokenCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a token and print it, this once.")

    @Option(help: "Who it is for: letters, digits and -.")
    var name: String

    @Option(help: "What it allows: read, write (and read) or admin (and both).")
    var rights = "read"

    @Option(
        help: "How the names of its tables begin; may be repeated. All tables when not given.")
    var tables: [String] = []

    @OptionGroup var location: LocationOptions

    func validate() throws {
        if AccessRight(rawValue: rights) == nil {
            throw ValidationError("--rights is one of read, write, admin, not '\(rights)'")
        }
    }

    func run() throws {
        guard let right = AccessRight(rawValue: rights) else { return }
        let text: String?
        if let server = try location.address {
            let answer = try TokenCommand.ask(
                server, "PUT", TokenCommand.path(name),
                .object(
                    ("rights", .string(rights)), ("tables", .array(tables.map { .string($0) }))))
            text = answer["token"]?.stringValue
        } else {
            text = try TokenCommand.withTokens(location.directory, creates: true) {
                try $0.create(name, AccessRights(right, prefixes: tables))
            }
        }
        guard let text else { throw CommandFailure(.failed, "the server sent no token") }
        Output.standard.write(text + "\n")
        Output.standard.flush()
    }
}

/// `silt token list`.
struct TokenListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the tokens; revoked ones are kept for the record.")

    @OptionGroup var location: LocationOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let tokens: [JSONValue]
        if let server = try location.address {
            tokens = try TokenCommand.ask(server, "GET", "/v1/tokens")["tokens"]?.arrayValue ?? []
        } else {
            tokens = try TokenCommand.withTokens(location.directory) { $0.all.map(\.json) }
        }
        let lines = tokens.map { token in
            [
                token["name"]?.stringValue ?? "", token["rights"]?.stringValue ?? "",
                (token["tables"]?.arrayValue ?? []).compactMap(\.stringValue)
                    .map { $0 + "*" }.joined(separator: ","),
                String(token["created_ms"]?.integerValue ?? 0),
                token["revoked"]?.boolValue == true ? "revoked" : "valid",
            ]
        }
        LinePrinter.print(
            ["name", "rights", "tables", "created_ms", "state"], lines, output.format)
    }
}

/// `silt token revoke`.
struct TokenRevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Make a token useless, at once.")

    @Option(help: "Who it was for.")
    var name: String

    @OptionGroup var location: LocationOptions

    func run() throws {
        if let server = try location.address {
            _ = try TokenCommand.ask(server, "DELETE", TokenCommand.path(name))
        } else {
            try TokenCommand.withTokens(location.directory) { try $0.revoke(name) }
        }
    }
}
