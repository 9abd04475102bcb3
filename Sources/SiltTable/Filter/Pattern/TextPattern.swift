import SiltModel

/// A regular expression made ready for searching: an automaton whose states are followed all at once,
/// so that a search takes time linear in the text, whatever the pattern.
struct TextPattern {
    /// One state.
    enum Step {
        case scalar(UInt32)
        case set(Int)
        case any
        case place(PatternNode.Place)
        /// Goes on at both.
        case fork(Int, Int)
        case jump(Int)
        case found
    }

    private(set) var steps: [Step] = []
    private var sets: [ScalarSet] = []
    private var emitCount = 0
    /// The most states of one pattern: a search follows up to as many for each character.
    private static let stepCountMax = 2_000

    init(_ pattern: String, ignoresCase: Bool) throws(SiltstoneError) {
        var parser = PatternParser(pattern, ignoresCase: ignoresCase)
        try emit(try parser.parse())
        try append(.found)
    }

    private mutating func append(_ step: Step) throws(SiltstoneError) {
        guard steps.count < TextPattern.stepCountMax else { throw tooLarge() }
        steps.append(step)
    }

    private func tooLarge() -> SiltstoneError {
        SiltstoneError(
            .invalidArgument,
            "regular expression is too large max=\(TextPattern.stepCountMax) states")
    }

    private mutating func emit(_ node: PatternNode) throws(SiltstoneError) {
        // Repeated repetitions of nothing make no states but take their time.
        emitCount += 1
        guard emitCount <= TextPattern.stepCountMax * 10 else { throw tooLarge() }
        switch node {
        case .empty: break
        case .set(let set):
            if let only = set.only {
                try append(.scalar(only))
            } else if set.ranges == [0...ScalarSet.last] {
                try append(.any)
            } else {
                sets.append(set)
                try append(.set(sets.count - 1))
            }
        case .place(let place): try append(.place(place))
        case .sequence(let parts): for part in parts { try emit(part) }
        case .either(let branches):
            var jumps: [Int] = []
            for branch in branches.dropLast() {
                let fork = steps.count
                try append(.fork(fork + 1, 0))
                try emit(branch)
                jumps.append(steps.count)
                try append(.jump(0))
                steps[fork] = .fork(fork + 1, steps.count)
            }
            if let last = branches.last { try emit(last) }
            for jump in jumps { steps[jump] = .jump(steps.count) }
        case .repeated(let part, let low, let high):
            for _ in 0..<low { try emit(part) }
            guard let high else {
                let fork = steps.count
                try append(.fork(fork + 1, 0))
                try emit(part)
                try append(.jump(fork))
                steps[fork] = .fork(fork + 1, steps.count)
                return
            }
            var forks: [Int] = []
            for _ in low..<max(low, high) {
                forks.append(steps.count)
                try append(.fork(steps.count + 1, 0))
                try emit(part)
            }
            for fork in forks { steps[fork] = .fork(fork + 1, steps.count) }
        }
    }

    /// Whether the pattern is found anywhere in a value read as UTF-8.
    func isFound(in value: Span<UInt8>) -> Bool {
        var search = Search(self, TextPattern.scalars(value))
        return search.run()
    }

    private static func scalars(_ value: Span<UInt8>) -> [UInt32] {
        var scalars: [UInt32] = []
        scalars.reserveCapacity(value.count)
        var index = 0
        while index < value.count, value[index] < 0x80 {
            scalars.append(UInt32(value[index]))
            index += 1
        }
        if index == value.count { return scalars }
        var rest: [UInt8] = []
        rest.reserveCapacity(value.count - index)
        while index < value.count {
            rest.append(value[index])
            index += 1
        }
        scalars += String(decoding: rest, as: UTF8.self).unicodeScalars.lazy.map(\.value)
        return scalars
    }

    /// One search in one text.
    private struct Search {
        let pattern: TextPattern
        let text: [UInt32]
        /// The states that wait for the next character, and at which position each state was last entered.
        private var waiting: [Int] = []
        private var entered: [Int]
        private var open: [Int] = []

        init(_ pattern: TextPattern, _ text: [UInt32]) {
            self.pattern = pattern
            self.text = text
            entered = [Int](repeating: -1, count: pattern.steps.count)
        }

        mutating func run() -> Bool {
            var position = 0
            while true {
                // A match may begin at every position.
                if enter(0, at: position) { return true }
                if position == text.count { return false }
                let scalar = text[position]
                position += 1
                let states = waiting
                waiting.removeAll(keepingCapacity: true)
                for state in states where accepts(state, scalar) {
                    if enter(state + 1, at: position) { return true }
                }
            }
        }

        private func accepts(_ state: Int, _ scalar: UInt32) -> Bool {
            switch pattern.steps[state] {
            case .scalar(let wanted): wanted == scalar
            case .set(let set): pattern.sets[set].contains(scalar)
            case .any: true
            default: false
            }
        }

        /// Enters a state and all that follow without a character; whether the end was reached.
        private mutating func enter(_ state: Int, at position: Int) -> Bool {
            open.append(state)
            while let state = open.popLast() {
                if entered[state] == position { continue }
                entered[state] = position
                switch pattern.steps[state] {
                case .scalar, .set, .any: waiting.append(state)
                case .place(let place): if holds(place, at: position) { open.append(state + 1) }
                case .fork(let one, let other):
                    open.append(other)
                    open.append(one)
                case .jump(let target): open.append(target)
                case .found:
                    open.removeAll(keepingCapacity: true)
                    return true
                }
            }
            return false
        }

        private func holds(_ place: PatternNode.Place, at position: Int) -> Bool {
            switch place {
            case .start: position == 0
            case .veryEnd: position == text.count
            case .end: position == text.count || isLastLineEnd(position)
            case .lineStart:
                position == 0 || (position < text.count && endsLine(before: position))
            case .lineEnd: position == text.count || beginsLineEnd(position)
            case .wordEdge: isWord(position - 1) != isWord(position)
            case .notWordEdge: isWord(position - 1) == isWord(position)
            }
        }

        private func isWord(_ position: Int) -> Bool {
            text.indices.contains(position) && ScalarSet.word.contains(text[position])
        }

        private func isLineEnd(_ position: Int) -> Bool {
            text.indices.contains(position) && ScalarSet.lineEnds.contains(text[position])
        }

        /// Whether a carriage return and line feed, which are one line end, lie around a position.
        private func splitsLineEnd(_ position: Int) -> Bool {
            position > 0 && position < text.count && text[position - 1] == 0x0d
                && text[position] == 0x0a
        }

        private func isLastLineEnd(_ position: Int) -> Bool {
            guard isLineEnd(position), !splitsLineEnd(position) else { return false }
            return position + 1 == text.count
                || (position + 2 == text.count && splitsLineEnd(position + 1))
        }

        private func endsLine(before position: Int) -> Bool {
            isLineEnd(position - 1) && !splitsLineEnd(position)
        }

        private func beginsLineEnd(_ position: Int) -> Bool {
            isLineEnd(position) && !splitsLineEnd(position)
        }
    }
}
