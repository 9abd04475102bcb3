import SiltBytes
import SiltIO
import SiltLSM
package import SiltModel
package import SiltTable
import Synchronization

/// The tokens of a data directory.
///
/// Once one was made, requests need one, also after all were revoked: nothing opens by itself.
package final class AccessTokens: Sendable {
    private static let prefix = "silt_"
    private static let nameBytesMax = 64

    private let store: TableStore
    private let tokens: Mutex<[String: AccessToken]>

    /// Reads the tokens; blocks.
    package init(store: TableStore) throws(SiltstoneError) {
        self.store = store
        var known: [String: AccessToken] = [:]
        if let table = try? store.table(AccessToken.table) {
            let scanner = try table.scan()
            while let row = try scanner.next() {
                let token = try AccessToken(row)
                known[token.name] = token
            }
        }
        tokens = Mutex(known)
    }

    /// Whether requests need a token.
    package var areRequired: Bool { tokens.withLock { !$0.isEmpty } }

    /// All, by name.
    package var all: [AccessToken] {
        tokens.withLock { $0.values.sorted { Bytes($0.name) < Bytes($1.name) } }
    }

    /// Makes a token; durable on return, blocks.
    ///
    /// - Returns: its text, which is kept nowhere.
    package func create(_ name: String, _ rights: AccessRights) throws(SiltstoneError) -> String {
        try Self.check(name, rights)
        let environment = store.engine.environment
        let random = (0..<4).flatMap { _ in
            let word = environment.random.next()
            return (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
        }
        let text = Self.prefix + name + "_" + Hex.encode(random)
        let token = AccessToken(
            name: name, rights: rights, createdMilliseconds: store.clock.nowMilliseconds,
            digest: SHA256.digest(Array(text.utf8)))
        let table = try store.systemTable(
            TableDefinition(AccessToken.table, families: [Family("d")]))
        let isNew = tokens.withLock { tokens in
            guard tokens[name] == nil else { return false }
            tokens[name] = token
            return true
        }
        guard isNew else { throw SiltstoneError(.alreadyExists, "token exists name=\(name)") }
        do throws(SiltstoneError) {
            try table.write([token.mutation], durability: .fsyncWAL)
        } catch {
            // Whether it is stored is not known: then nobody may use it, but requests need one.
            tokens.withLock { $0[name] = token.revoked }
            throw error
        }
        return text
    }

    /// Makes a token useless; durable on return, blocks.
    package func revoke(_ name: String) throws(SiltstoneError) {
        let revoked = tokens.withLock { tokens in
            tokens[name] = tokens[name]?.revoked
            return tokens[name]
        }
        guard let revoked else { throw SiltstoneError(.notFound, "no such token name=\(name)") }
        try store.table(AccessToken.table).write([revoked.mutation], durability: .fsyncWAL)
    }

    /// The token of a text that a client sent; `nil` when it is none, or revoked.
    func token(_ text: String) -> AccessToken? {
        let digest = SHA256.digest(Array(text.utf8))
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        let known = parts.count == 3 ? tokens.withLock { $0[String(parts[1])] } : nil
        guard SHA256.areEqual(known?.digest ?? [UInt8](repeating: 0, count: 32), digest),
            let known, !known.isRevoked
        else { return nil }
        return known
    }

    /// The token of a name, unless revoked.
    func token(named name: String) -> AccessToken? {
        tokens.withLock { $0[name] }.flatMap { $0.isRevoked ? nil : $0 }
    }

    private static func check(_ name: String, _ rights: AccessRights) throws(SiltstoneError) {
        let isFine = name.utf8.allSatisfy {
            ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || (0x30...0x39).contains($0) || $0 == 0x2d
        }
        guard isFine, !name.isEmpty, name.utf8.count <= nameBytesMax else {
            throw SiltstoneError(
                .invalidArgument,
                "token has a name of other than 1 to 64 letters, digits and - name=\(name)")
        }
        guard rights.prefixes.allSatisfy({ !$0.contains(",") && !$0.hasPrefix("silt:") }) else {
            throw SiltstoneError(.invalidArgument, "no table can begin with such a prefix")
        }
    }
}
