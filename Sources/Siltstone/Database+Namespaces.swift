public import SiltModel
import SiltTable

/// Namespaces: the `shop` of a table `shop:orders`.
extension Database {
    /// The namespaces, in order.
    ///
    /// `default`, of the tables that name none, and `hbase` are always there.
    public func namespaces() async throws(SiltstoneError) -> [String] {
        let store = store
        return try await bridge.run { () throws(SiltstoneError) in try store.namespaces() }
    }

    /// The properties of a namespace, which have no meaning here; `nil` when there is none of that name.
    public func namespaceProperties(_ namespace: String) async throws(SiltstoneError)
        -> [String: String]?
    {
        let store = store
        return try await bridge.run { () throws(SiltstoneError) in
            try store.namespaceProperties(namespace)
        }
    }

    /// Makes a namespace, in which tables can be created then.
    ///
    /// It is durable on return.
    ///
    /// - Throws: `alreadyExists`; `invalidArgument` for a name of other than letters, digits and `_`.
    public func createNamespace(_ namespace: String, properties: [String: String] = [:])
        async throws(SiltstoneError)
    {
        let store = store
        try await bridge.run { () throws(SiltstoneError) in
            try store.createNamespace(namespace, properties: properties)
        }
    }

    /// Gives a namespace other properties in place of those that it has.
    ///
    /// Durable on return.
    ///
    /// - Throws: `notFound`; `conflict` for `default` and `hbase`.
    public func alterNamespace(_ namespace: String, properties: [String: String])
        async throws(SiltstoneError)
    {
        let store = store
        try await bridge.run { () throws(SiltstoneError) in
            try store.alterNamespace(namespace, properties: properties)
        }
    }

    /// Removes a namespace that has no tables.
    ///
    /// Durable on return.
    ///
    /// - Throws: `notFound`; `conflict` when it has tables, and for `default` and `hbase`.
    public func dropNamespace(_ namespace: String) async throws(SiltstoneError) {
        let store = store
        try await bridge.run { () throws(SiltstoneError) in
            try store.dropNamespace(namespace)
        }
    }
}
