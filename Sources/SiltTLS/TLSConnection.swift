internal import COpenSSL
internal import NIOCore
internal import SiltModel

/// One side of a TLS connection over memory: what came goes in, what is to be sent comes out.
///
/// Used by one thread at a time.
@safe
final class TLSConnection {
    /// How a read ended.
    enum End {
        /// Nothing more can be read before more came.
        case needsMore
        /// The other side said that it ends.
        case ended
    }

    /// Room for a record's contents.
    private static let recordBytes = 16 << 10
    private static let nameBytesMax = 256

    private let pointer: OpaquePointer

    /// - Parameter host: for a client, whose certificate the other side must have.
    init(_ context: TLSContext, host: String? = nil) throws(SiltstoneError) {
        // Safety: the text is read during the call; the connection holds what it needs of the context.
        guard let made = unsafe silt_tls_new(context.handle, host) else {
            throw SiltstoneError(.unavailable, "TLS: no connection can be made")
        }
        unsafe pointer = made
    }

    // Safety: nobody uses the connection after its last reference is gone.
    deinit { unsafe silt_tls_free(pointer) }

    /// Takes bytes that came.
    func receive(_ bytes: ByteBuffer) throws(SiltstoneError) {
        // Safety: the bytes are copied during the call.
        let result = unsafe bytes.withUnsafeReadableBytes {
            unsafe silt_tls_receive(
                pointer, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count)
        }
        if result != 0 { throw failure }
    }

    /// Takes what is to be sent; `nil` when that is nothing.
    func takeOutput(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
        // Safety: the buffer has as much room as is said.
        let waiting = unsafe silt_tls_waiting(pointer)
        guard waiting > 0 else { return nil }
        var buffer = allocator.buffer(capacity: waiting)
        _ = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: waiting) {
            unsafe silt_tls_take(
                pointer, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), waiting)
        }
        return buffer
    }

    /// Goes on with the handshake.
    ///
    /// - Returns: whether it is done.
    func shakeHands() throws(SiltstoneError) -> Bool {
        // Safety: the connection is alive as long as this object.
        let result = unsafe Int(silt_tls_handshake(pointer))
        if result == 1 { return true }
        if result == SILT_TLS_MORE { return false }
        throw failure
    }

    /// Reads all that can be read.
    func read(into buffer: inout ByteBuffer) throws(SiltstoneError) -> End {
        while true {
            var result = 0
            // Safety: there is as much room as is said; what was not written is not taken.
            _ = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.recordBytes) {
                room in
                result = unsafe silt_tls_read(
                    pointer, room.baseAddress?.assumingMemoryBound(to: UInt8.self), room.count)
                return max(0, result)
            }
            if result > 0 { continue }
            if result == SILT_TLS_MORE { return .needsMore }
            if result == SILT_TLS_ENDED { return .ended }
            throw failure
        }
    }

    /// Encrypts bytes, after the handshake.
    func write(_ bytes: ByteBuffer) throws(SiltstoneError) {
        // Safety: the bytes are read during the call only.
        let result = unsafe bytes.withUnsafeReadableBytes {
            unsafe silt_tls_write(
                pointer, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count)
        }
        if result != 0 { throw failure }
    }

    /// Tells the other side that nothing more comes.
    func end() {
        // Safety: the connection is alive as long as this object.
        unsafe silt_tls_end(pointer)
    }

    /// The common name of the other side's certificate, when it is text without control characters.
    var peerName: String? {
        var name = [UInt8](repeating: 0, count: Self.nameBytesMax)
        // Safety: there is as much room as is said.
        let count = unsafe silt_tls_peer_name(pointer, &name, name.count)
        guard count > 0, let text = String(validating: name[..<count], as: UTF8.self),
            text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f })
        else { return nil }
        return text
    }

    private var failure: SiltstoneError {
        // Safety: the text is the connection's, which is alive.
        let reason = unsafe String(cString: silt_tls_error(pointer))
        return SiltstoneError(.unavailable, "TLS: \(reason)")
    }
}
