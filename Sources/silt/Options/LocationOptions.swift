import ArgumentParser

/// Where the data is: `--data DIR` or `--server URL`.
struct LocationOptions: ParsableArguments {
    @Option(help: "The data directory (default: silt-data, unless --server is given).")
    var data: String?

    @Option(help: "A running server, such as http://127.0.0.1:8080 or https://silt.example:8080.")
    var server: String?

    @Option(
        help:
            "A file with the authorities that sign the server's certificate (default: the system's)."
    )
    var ca: String?

    func validate() throws {
        if ca != nil, server == nil { throw ValidationError("--ca is for --server") }
        if data != nil, server != nil {
            throw ValidationError("--data and --server exclude each other")
        }
    }

    /// The server, where one is meant.
    var address: ServerAddress? {
        get throws { try server.map { try ServerAddress(url: $0, ca: ca) } }
    }

    /// The directory meant when no server is.
    var directory: String { data ?? "silt-data" }

    /// Runs `body` on the tables and gives them up afterwards, whatever happens.
    func withTables<Result>(
        creates: Bool = false, _ body: (any TableAccess) throws -> Result
    ) throws -> Result {
        let access: any TableAccess =
            if let address = try address { RemoteAccess(address) } else {
                try EmbeddedAccess(directory: directory, creates: creates)
            }
        let result: Result
        do {
            result = try body(access)
        } catch {
            try? access.close()
            throw error
        }
        try access.close()
        return result
    }
}
