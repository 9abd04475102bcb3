// micro [WORD] [--seconds N]: measures the benchmarks whose names have the word in them.
var word = ""
var seconds = 0.5
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
    if argument == "--seconds" {
        guard let value = arguments.popFirst().flatMap(Double.init), value > 0 else {
            fatalError("--seconds needs a number above 0")
        }
        seconds = value
    } else {
        word = argument
    }
}
let measure = Measure(word: word, seconds: seconds)
try FormatBenchmarks(measure: measure).run()
try EngineBenchmarks(measure: measure).run()
