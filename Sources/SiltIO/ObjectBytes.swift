package import SiltModel

/// Objects read and written as arrays.
extension ObjectReader {
    /// So many bytes from an offset.
    ///
    /// - Throws: `corrupted` when the object has fewer, before memory is taken for them.
    package func bytes(_ count: Int, at offset: Int) throws(SiltstoneError) -> [UInt8] {
        guard count >= 0, offset >= 0, offset <= byteCount, count <= byteCount - offset else {
            throw SiltstoneError(
                .corrupted, "file ends early wanted=\(count) size=\(byteCount)",
                at: .init(file: key, offset: offset))
        }
        var bytes = [UInt8](repeating: 0, count: count)
        var failure: SiltstoneError?
        // Safety: the array lends its memory for the closure.
        unsafe bytes.withUnsafeMutableBytes { buffer in
            do throws(SiltstoneError) { try unsafe read(into: buffer, at: offset) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

extension ObjectWriter {
    /// Appends the bytes of an array.
    package func append(_ bytes: [UInt8]) throws(SiltstoneError) {
        var failure: SiltstoneError?
        // Safety: the array lends its bytes for the closure.
        unsafe bytes.withUnsafeBytes { buffer in
            do throws(SiltstoneError) { try unsafe append(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
