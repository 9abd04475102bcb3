import ArgumentParser

/// Where the data is: `--data DIR` or `--server URL`.
struct LocationOptions: ParsableArguments {
    @Option(help: "The data directory (default: silt-data, unless --server is given).")
    var data: String?

    @Option(help: "A running server, such as http://127.0.0.1:8080.")
    var server: String?

    func validate() throws {
        if data != nil, server != nil {
            throw ValidationError("--data and --server exclude each other")
        }
    }

    /// The directory meant when no server is.
    var directory: String { data ?? "silt-data" }

    /// Runs `body` on the tables and gives them up afterwards, whatever happens.
    func withTables<Result>(
        creates: Bool = false, _ body: (any TableAccess) throws -> Result
    ) throws -> Result {
        let access: any TableAccess =
            if let server { try RemoteAccess(url: server) } else {
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
