import Glibc
import SiltModel

/// `silt-conformance cells|windows FILE.jsonl`: runs neutral case files against the engine in memory.
///
/// Prints each failing case with what was expected and what came, then `N passed, N failed`.
/// Ends with 0 when all passed, 1 when some failed, 2 when it was called wrongly.
@main
enum SiltConformance {
    static let usage = """
        usage: silt-conformance cells FILE.jsonl [--after-each flush|compact|major|split|reopen]
                                       [--codec none|lz4|zstd] [--hash N] [--only TEXT]
               silt-conformance windows FILE.jsonl [--batches random] [--seed N] [--partitions N]
                                         [--restart-each] [--only TEXT]

        Every line of FILE.jsonl is one case. --after-each forces the step after every step of a
        case and leaves out cases tagged physical; compact is a minor compaction, and major drops
        surplus versions and markers, on which the answers of a few other cases depend, too.
        --hash spreads the rows of each table over N buckets.
        --restart-each throws the operator away after every batch and goes on from its encoded
        state. --only runs the cases whose id contains TEXT.
        """

    static func main() {
        do throws(SiltstoneError) {
            let arguments = try ConformanceArguments(CommandLine.arguments.dropFirst())
            let cases = try CaseFile.read(arguments.file)
            var passed = 0
            var failed = 0
            var leftOut = 0
            for one in cases where arguments.wants(one.id) {
                if arguments.leavesOut(one) {
                    leftOut += 1
                    continue
                }
                let differences =
                    switch arguments.kind {
                    case .cells: CellCase(one, arguments).differences()
                    case .windows: WindowCase(one, arguments).differences()
                    }
                if differences.isEmpty {
                    passed += 1
                    continue
                }
                failed += 1
                print("FAILED \(one.id): \(one.name)")
                for difference in differences { print("    \(difference)") }
            }
            if leftOut > 0 { print("\(leftOut) left out: their answer depends on compactions") }
            print("\(passed) passed, \(failed) failed")
            exit(failed == 0 ? 0 : 1)
        } catch {
            print("silt-conformance: \(error.message)\(error.location.map { " \($0)" } ?? "")")
            print(usage)
            exit(2)
        }
    }
}
