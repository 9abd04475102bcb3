package import SiltModel

/// How the bytes of a block are stored.
///
/// The codes are part of the format: docs/format/table.md.
package enum Codec: UInt8, Sendable, CaseIterable {
    /// As they are.
    case none = 0
    /// One LZ4 block, without a frame.
    case lz4 = 1
    /// One Zstandard frame.
    case zstd = 2

    /// The codec of a family's setting.
    package init(_ compression: Compression) {
        switch compression {
        case .none: self = .none
        case .lz4: self = .lz4
        case .zstd: self = .zstd
        }
    }
}
