import SiltBytes
package import SiltModel
import SiltTable

/// A token as it is kept: never the secret, only its digest.
package struct AccessToken: Sendable {
    /// Who it was made for.
    package let name: String
    /// What it allows.
    package let rights: AccessRights
    /// When it was made, in milliseconds since 1970.
    package let createdMilliseconds: Int64
    /// Whether it counts no more.
    package let isRevoked: Bool
    /// SHA-256 of the token's text.
    let digest: [UInt8]

    /// As `/v1/tokens` shows it.
    package var json: JSONValue {
        .object(
            ("name", .string(name)), ("rights", .string(rights.right.rawValue)),
            ("tables", .array(rights.prefixes.map { .string($0) })),
            ("created_ms", .integer(createdMilliseconds)), ("revoked", .bool(isRevoked)))
    }

    // MARK: Storage

    static let table = "silt:tokens"
    private static let digestColumn = Column("d", "sha256")
    private static let rightColumn = Column("d", "rights")
    private static let prefixesColumn = Column("d", "tables")
    private static let createdColumn = Column("d", "created")
    private static let revokedColumn = Column("d", "revoked")

    init(
        name: String, rights: AccessRights, createdMilliseconds: Int64, isRevoked: Bool = false,
        digest: [UInt8]
    ) {
        self.name = name
        self.rights = rights
        self.createdMilliseconds = createdMilliseconds
        self.isRevoked = isRevoked
        self.digest = digest
    }

    init(_ row: Row) throws(SiltstoneError) {
        guard let name = row.key.string,
            let digest = row[Self.digestColumn]?.value.array, digest.count == 32,
            let right = row[Self.rightColumn]?.value.string.flatMap({ AccessRight(rawValue: $0) }),
            let prefixes = row[Self.prefixesColumn]?.value.string,
            let created = row[Self.createdColumn]?.value.string.flatMap({ Int64($0) })
        else { throw SiltstoneError(.corrupted, "token cannot be read row=\(row.key)") }
        self.init(
            name: name,
            rights: AccessRights(
                right,
                prefixes: prefixes.split(separator: ",", omittingEmptySubsequences: false)
                    .map(String.init)),
            createdMilliseconds: created, isRevoked: row[Self.revokedColumn] != nil,
            digest: digest)
    }

    /// The change that stores it.
    var mutation: RowMutation {
        func put(_ column: Column, _ value: Bytes) -> CellMutation {
            CellMutation(column, .put(value: value, timeToLiveMilliseconds: nil))
        }
        var changes = [
            put(Self.digestColumn, Bytes(digest)),
            put(Self.rightColumn, Bytes(rights.right.rawValue)),
            put(Self.prefixesColumn, Bytes(rights.prefixes.joined(separator: ","))),
            put(Self.createdColumn, Bytes(String(createdMilliseconds))),
        ]
        if isRevoked { changes.append(put(Self.revokedColumn, Bytes("true"))) }
        return RowMutation(row: Bytes(name), changes: changes)
    }

    /// The same, of no use any more.
    var revoked: AccessToken {
        AccessToken(
            name: name, rights: rights, createdMilliseconds: createdMilliseconds, isRevoked: true,
            digest: digest)
    }
}
