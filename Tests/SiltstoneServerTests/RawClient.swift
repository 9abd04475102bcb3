import Foundation
import Testing

/// A TCP connection on which a test sends any bytes and sees all that come back.
final class RawClient {
    private let socket: Int32

    struct Refused: Error {}

    init(port: Int) throws {
        socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(socket >= 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        // A small window, so that answers wait at the server.
        var windowBytes: Int32 = 64 << 10
        _ = unsafe setsockopt(
            socket, SOL_SOCKET, SO_RCVBUF, &windowBytes, socklen_t(MemoryLayout<Int32>.size))
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        // Safety: the pointer is used within the call only.
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(socket, $0, size)
            }
        }
        guard result == 0 else { throw Refused() }
    }

    deinit { close(socket) }

    /// Sends all of it; false when the server closed.
    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            // Safety: the buffer outlives the call.
            let count = unsafe bytes[sent...].withUnsafeBytes {
                unsafe Foundation.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    /// Ends our side.
    func endInput() { shutdown(socket, Int32(SHUT_WR)) }

    /// How a read ended.
    enum End { case closed, reset, timedOut, enough }

    /// Reads until `enough` says so, the server closes, or nothing came for `milliseconds`.
    func read(milliseconds: Int32 = 3000, until enough: ([UInt8]) -> Bool = { _ in false })
        -> (text: String, end: End)
    {
        var all: [UInt8] = []
        while !enough(all) {
            var wanted = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            // Safety: one element, used within the call only.
            guard unsafe poll(&wanted, 1, milliseconds) > 0 else {
                return (String(decoding: all, as: UTF8.self), .timedOut)
            }
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            // Safety: the buffer is as long as the count says.
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe recv(socket, $0.baseAddress, $0.count, 0)
            }
            if count <= 0 {
                return (String(decoding: all, as: UTF8.self), count == 0 ? .closed : .reset)
            }
            all += buffer[..<count]
        }
        return (String(decoding: all, as: UTF8.self), .enough)
    }

    /// Reads until `count` status lines came.
    func readAnswers(_ count: Int) -> String {
        read(
            milliseconds: 60_000,
            until: { bytes in
                String(decoding: bytes, as: UTF8.self).components(of: "HTTP/1.1 ") >= count
            }
        ).text
    }
}

extension String {
    /// How often a text occurs.
    func components(of text: String) -> Int {
        let (data, wanted) = (Data(utf8), Data(text.utf8))
        var (count, start) = (0, 0)
        while let range = data.range(of: wanted, in: start..<data.count) {
            count += 1
            start = range.upperBound
        }
        return count
    }
}
