import Foundation
import Synchronization

/// A standard stream with a buffer of its own, so that printing millions of rows is not a system call each.
final class Output: Sendable {
    /// Results.
    static let standard = Output(FileHandle.standardOutput)
    /// Errors, advice and progress.
    static let error = Output(FileHandle.standardError)

    private static let bufferBytes = 64 << 10

    private let handle: FileHandle
    private let buffer = Mutex<[UInt8]>([])

    private init(_ handle: FileHandle) { self.handle = handle }

    /// Appends text.
    func write(_ text: String) { write(Array(text.utf8)) }

    /// Appends bytes.
    func write(_ bytes: [UInt8]) {
        let full = buffer.withLock { buffer -> [UInt8]? in
            buffer += bytes
            if buffer.count < Output.bufferBytes { return nil }
            defer { buffer.removeAll(keepingCapacity: true) }
            return buffer
        }
        if let full { send(full) }
    }

    /// Hands everything to the operating system.
    func flush() {
        let rest = buffer.withLock { buffer in
            defer { buffer.removeAll(keepingCapacity: true) }
            return buffer
        }
        if !rest.isEmpty { send(rest) }
    }

    /// A reader that went away (`silt scan … | head`) ends the program quietly.
    private func send(_ bytes: [UInt8]) {
        do {
            try handle.write(contentsOf: Data(bytes))
        } catch {
            Foundation.exit(1)
        }
    }
}
