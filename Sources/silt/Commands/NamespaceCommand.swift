import ArgumentParser

/// Namespaces of tables.
struct NamespaceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "namespace",
        abstract: "Create, list and drop namespaces, in which tables NAMESPACE:TABLE are.",
        subcommands: [
            NamespaceCreateCommand.self, NamespaceListCommand.self, NamespaceDropCommand.self,
        ])
}

/// `silt namespace create`.
struct NamespaceCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Create a namespace.")

    @Argument(help: "The namespace's name: letters, digits and _.")
    var namespace: String

    @OptionGroup var location: LocationOptions

    func run() throws {
        try location.withTables(creates: true) { try $0.createNamespace(namespace) }
    }
}

/// `silt namespace list`.
struct NamespaceListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the namespaces.")

    @OptionGroup var location: LocationOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let namespaces = try location.withTables { try $0.namespaces() }
        LinePrinter.print(["namespace"], namespaces.map { [$0] }, output.format)
    }
}

/// `silt namespace drop`.
struct NamespaceDropCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop", abstract: "Drop a namespace that has no tables.")

    @Argument(help: "The namespace's name.")
    var namespace: String

    @OptionGroup var location: LocationOptions

    func run() throws { try location.withTables { try $0.dropNamespace(namespace) } }
}
