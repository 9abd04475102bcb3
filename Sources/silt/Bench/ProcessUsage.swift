import Foundation
import SiltIO

/// What the process used so far, by the kernel's account.
struct ProcessUsage: Sendable {
    let nanoseconds: UInt64
    let cpuSeconds: Double
    /// Bytes read by calls, from the page cache or a device.
    let readBytes: Int

    /// Now.
    static func now() -> ProcessUsage {
        ProcessUsage(
            nanoseconds: SystemClock().monotonicNanoseconds,
            cpuSeconds: Double(clock()) / Double(CLOCKS_PER_SEC),
            readBytes: field("rchar:", of: "/proc/self/io") ?? 0)
    }

    /// The most memory that the process had since `resetPeak`, in bytes; 0 where the kernel does not tell.
    static var peakBytes: Int { (field("VmHWM:", of: "/proc/self/status") ?? 0) << 10 }

    /// The memory that the process has now, in bytes.
    static var residentBytes: Int { (field("VmRSS:", of: "/proc/self/status") ?? 0) << 10 }

    /// The part of it that is mapped files, such as the log.
    static var residentFileBytes: Int { (field("RssFile:", of: "/proc/self/status") ?? 0) << 10 }

    /// Begins to look for the peak anew; best effort.
    static func resetPeak() {
        guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
        try? file.write(contentsOf: Data("5".utf8))
        try? file.close()
    }

    private static func field(_ name: String, of path: String) -> Int? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            let digits = line.dropFirst(name.count).drop { !$0.isNumber }.prefix { $0.isNumber }
            return Int(digits)
        }
        return nil
    }
}
