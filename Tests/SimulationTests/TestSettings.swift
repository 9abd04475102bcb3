import Foundation

/// Lengths and seeds of long tests, from the environment.
enum TestSettings {
    /// `SILT_SEED`, or a fixed one.
    static var seed: UInt64 { number("SILT_SEED").map { UInt64($0) } ?? 20_251_124 }

    /// `SILT_STEPS`, or what suits a quick run.
    static func steps(_ quick: Int) -> Int { number("SILT_STEPS") ?? quick }

    /// Whether `SILT_EXHAUSTIVE` asks for every byte and every call.
    static var isExhaustive: Bool {
        ProcessInfo.processInfo.environment["SILT_EXHAUSTIVE"] != nil
    }

    private static func number(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }
}
