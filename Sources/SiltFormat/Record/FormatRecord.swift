package import SiltBytes

/// The object `FORMAT` at the root of a data directory: who may open it.
///
/// Part of the format: the first page of docs/format.
package struct FormatRecord: Hashable, Sendable {
    /// The key of the object.
    package static let key = "FORMAT"
    /// The version of the directory's layout that this code writes.
    package static let currentVersion: UInt32 = 1
    static let magic = "SILTFMT\n"
    /// The features that this code knows, one bit each; none yet.
    static let knownFeatures: UInt64 = 0

    /// The directory's own identifier, for life.
    package var directory: Identifier
    /// Features in use without which the directory cannot be read, one bit each.
    package var features: UInt64
    /// When the directory was made, in milliseconds since 1970.
    package var createdMilliseconds: Int64

    /// A record.
    package init(directory: Identifier, features: UInt64 = 0, createdMilliseconds: Int64) {
        self.directory = directory
        self.features = features
        self.createdMilliseconds = createdMilliseconds
    }

    /// The object's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 32)
        writer.write(directory)
        writer.write(features)
        writer.write(createdMilliseconds)
        return SealedRecord.seal(magic: Self.magic, version: Self.currentVersion, writer.bytes)
    }

    /// Reads the object; what a newer version wrote is refused.
    package init(decoding bytes: [UInt8]) throws(DecodingError) {
        var reader = try SealedRecord.open(
            magic: Self.magic, version: Self.currentVersion, bytes)
        directory = try reader.readIdentifier()
        features = try reader.readUInt64()
        createdMilliseconds = try reader.readInt64()
        try reader.finish()
        guard features & ~Self.knownFeatures == 0 else {
            throw DecodingError(
                offset: 36, "written by a newer version of siltstone: unknown features=\(features)")
        }
    }
}
