import ArgumentParser

/// How results are printed.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case table, ndjson, csv
}

/// The option `--format`.
struct OutputOptions: ParsableArguments {
    @Option(help: "How results are printed: table (for people), ndjson or csv (for programs).")
    var format: OutputFormat = .table
}
