import SiltBytes
import SiltModel
import SiltTable
import Testing

@Suite("Namespaces")
struct NamespaceTests {
    private func code(_ body: () throws -> Void) -> SiltstoneError.Code? {
        do {
            try body()
            return nil
        } catch { return (error as? SiltstoneError)?.code }
    }

    private func definition(_ name: String) -> TableDefinition {
        TableDefinition(name, families: [Family("f")])
    }

    @Test("a table needs its namespace, and a namespace with tables stays")
    func life() throws {
        let harness = try TableHarness()
        #expect(try harness.store.namespaces() == ["default", "hbase"])
        #expect(code { _ = try harness.store.createTable(definition("shop:a")) } == .notFound)
        #expect(throws: SiltstoneError.self) { try harness.store.table("shop:a") }
        #expect(try harness.store.namespaces() == ["default", "hbase"])
        _ = try harness.store.createTable(definition("hbase:own"))
        _ = try harness.store.createTable(definition("plain"))

        try harness.store.createNamespace("shop", properties: ["owner": "me", "note": "x"])
        #expect(code { try harness.store.createNamespace("shop") } == .alreadyExists)
        _ = try harness.store.createTable(definition("shop:a"))
        try harness.reopen()
        #expect(try harness.store.namespaces() == ["default", "hbase", "shop"])
        #expect(
            try harness.store.namespaceProperties("shop") == ["owner": "me", "note": "x"])
        #expect(harness.store.tables(in: "shop") == ["a"])
        #expect(harness.store.tables(in: "default") == ["plain"])
        _ = try harness.store.createTable(definition("shop:b"))
        #expect(code { try harness.store.dropNamespace("shop") } == .conflict)
        try harness.store.dropTable("shop:a")
        #expect(code { try harness.store.dropNamespace("shop") } == .conflict)
        try harness.store.dropTable("shop:b")
        try harness.store.dropNamespace("shop")
        #expect(try harness.store.namespaceProperties("shop") == nil)
        #expect(code { try harness.store.dropNamespace("shop") } == .notFound)
        #expect(code { _ = try harness.store.createTable(definition("shop:a")) } == .notFound)
    }

    @Test("properties are replaced as a whole; what is there from the beginning stays as it is")
    func properties() throws {
        let harness = try TableHarness()
        let store = harness.store
        #expect(code { try store.alterNamespace("n", properties: [:]) } == .notFound)
        try store.createNamespace("n", properties: ["a": "1", "b": "2"])
        _ = harness.tick()
        try store.alterNamespace("n", properties: ["b": "3", "c": "4"])
        #expect(try store.namespaceProperties("n") == ["b": "3", "c": "4"])
        #expect(code { try store.alterNamespace("n", properties: ["": "x"]) } == .invalidArgument)
        for name in ["default", "hbase"] {
            #expect(try store.namespaceProperties(name) == [:])
            #expect(code { try store.createNamespace(name) } == .alreadyExists)
            #expect(code { try store.alterNamespace(name, properties: [:]) } == .conflict)
            #expect(code { try store.dropNamespace(name) } == .conflict)
        }
        for name in ["", "a-b", "a:b", "silt", "ü", String(repeating: "n", count: 256)] {
            #expect(code { try store.createNamespace(name) } == .invalidArgument, "\(name)")
        }
    }

    @Test("a clone needs its namespace too")
    func clones() throws {
        let store = try TableHarness().store
        _ = try store.createTable(definition("t"))
        try store.createSnapshot("s", of: "t")
        #expect(code { _ = try store.cloneSnapshot("s", to: "shop:t") } == .notFound)
        try store.createNamespace("shop")
        _ = try store.cloneSnapshot("s", to: "shop:t")
        #expect(store.tables(in: "shop") == ["t"])
        // The snapshot belongs to no namespace of a user.
        #expect(try store.namespaces() == ["default", "hbase", "shop"])
    }
}
