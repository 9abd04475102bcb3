internal import SiltModel
internal import SiltStream

/// Judges a job's windows by its alerts, in event time: windows and watermarks in, transitions out.
///
/// A pure state machine, so that equal events give equal transitions at equal times, however they are split into
/// batches and wherever the state is encoded and restored between.
///
/// 1. A window is judged once it is final: when the watermark has reached its last millisecond plus the allowed
///    lateness. Until then the newest version of its row waits.
/// 2. Moments are taken in their order: the windows that end at one, by rule and key, then what falls due at it.
/// 3. A window's answer stands until the key's next window ends. Where windows follow a grid, a key that has no window
///    at the next end counts as one whose condition does not hold.
/// 4. A condition that holds for `for` fires; one that has been gone for `keep` resolves, each at that very moment.
/// 5. The end of the input makes all windows final, but time goes no further than the last of each kind: nothing
///    is absent because there was no more to read.
struct AlertEvaluator {
    let job: JobDefinition
    var sequence: UInt64 = 0
    /// The key fields' labels need the key apart.
    let keepsKeyFieldsApart: Bool
    private let rulesOfWindow: [[Int]]
    private var programs: [ExpressionProgram?] = []
    private var fields: [FieldTable] = []
    private var literals: [TextBuffer] = []
    private(set) var instances: [AlertKey: AlertInstance] = [:]
    private var timers = AlertTimers()
    /// What windows say that are not final yet, by their end.
    var waiting: [Int64: [AlertKey: AlertFinding]] = [:]
    /// The greatest end of a window that each rule has seen.
    var greatestEnds: [Int64]
    private let lateness: Int64
    /// Whether rows that late events change count; otherwise those that the watermark gave do.
    private let takesRevisions: Bool
    /// What has begun or ended since it was last taken.
    private(set) var transitions: [AlertTransition] = []
    /// What was known of each key whose phase has changed since it was last taken, when it last did.
    var changed: [AlertKey: AlertInstance] = [:]

    /// An evaluator of a job's alerts; `lateness` is that of its windows, which never close when it is infinite.
    init(_ job: JobDefinition, lateness: Int64, keepsKeyFieldsApart: Bool) {
        self.job = job
        self.keepsKeyFieldsApart = keepsKeyFieldsApart
        takesRevisions = lateness > 0 && lateness < .max
        self.lateness = takesRevisions ? lateness : 0
        rulesOfWindow = job.windows.indices.map { window in
            job.alerts.indices.filter { job.alerts[$0].windowIndex == window }
        }
        greatestEnds = Array(repeating: .min, count: job.alerts.count)
        for rule in job.alerts {
            var table = FieldTable()
            var texts = TextBuffer()
            if case .threshold(let expression) = rule.condition {
                programs.append(ExpressionProgram(expression, fields: &table, texts: &texts))
            } else {
                programs.append(nil)
            }
            fields.append(table)
            literals.append(texts)
        }
    }

    /// Takes the rows that windows gave and judges all that are final at a watermark.
    mutating func take(_ output: WindowOutput, watermark: Int64) {
        guard !job.alerts.isEmpty else { return }
        for row in output.rows where takesRevisions || !row.isLate {
            hold(
                WatchedWindow(
                    windowIndex: row.windowIndex, start: row.start, end: row.end, key: row.key,
                    values: row.values))
        }
        if takesRevisions, !output.superseded.isEmpty { removeSuperseded(output) }
        judge(at: watermark)
    }

    /// Keeps what a window says until it is judged; a newer version replaces it.
    mutating func hold(_ window: WatchedWindow) {
        for rule in rulesOfWindow[window.windowIndex] {
            waiting[window.end, default: [:]][AlertKey(rule: rule, bytes: window.key)] =
                finding(rule, window)
        }
    }

    /// Judges all that is final at a watermark.
    mutating func judge(at watermark: Int64) {
        if watermark == .max {
            judge(through: nil)
        } else if watermark > .min {
            let next = watermark + 1
            let limit = next.subtractingReportingOverflow(lateness)
            judge(through: limit.overflow ? .min : limit.partialValue)
        }
    }

    /// Forgets what superseded rows said, but for those that a later row with the same end has replaced already.
    private mutating func removeSuperseded(_ output: WindowOutput) {
        var starts: [Int64: [AlertKey: Int64]] = [:]
        for row in output.rows {
            for rule in rulesOfWindow[row.windowIndex] {
                starts[row.end, default: [:]][AlertKey(rule: rule, bytes: row.key)] = row.start
            }
        }
        for row in output.superseded {
            for rule in rulesOfWindow[row.windowIndex] {
                let key = AlertKey(rule: rule, bytes: row.key)
                let start = starts[row.end]?[key]
                if start == nil || start == row.start { waiting[row.end]?[key] = nil }
            }
        }
    }

    /// Empties what has been taken note of.
    mutating func removeNews() {
        transitions.removeAll(keepingCapacity: true)
        changed.removeAll(keepingCapacity: true)
    }

    // MARK: Judging

    private mutating func judge(through limit: Int64?) {
        if limit == nil {
            // Time goes as far as the last window, also while the ones before it are judged.
            for (end, found) in waiting {
                for key in found.keys {
                    greatestEnds[key.rule] = max(greatestEnds[key.rule], end)
                }
            }
        }
        for end in waiting.keys.filter({ $0 <= limit ?? .max }).sorted() {
            runTimers(before: end, isAtEnd: limit == nil)
            let found = waiting.removeValue(forKey: end) ?? [:]
            for (key, finding) in found.sorted(by: { $0.key.precedes($1.key) }) {
                take(finding, key, at: end)
            }
        }
        let next = (limit ?? .max).addingReportingOverflow(1)
        runTimers(before: next.overflow ? .max : next.partialValue, isAtEnd: limit == nil)
    }

    private mutating func runTimers(before end: Int64, isAtEnd: Bool) {
        while let time = timers.first, time < end {
            let timer = timers.removeFirst()
            if isAtEnd, time > greatestEnds[timer.key.rule] { continue }
            guard instances[timer.key]?.due == time else { continue }
            fallDue(timer.key, at: time)
        }
    }

    private mutating func take(_ finding: AlertFinding, _ key: AlertKey, at time: Int64) {
        let rule = job.alerts[key.rule]
        greatestEnds[key.rule] = max(greatestEnds[key.rule], time)
        var instance = instances[key] ?? AlertInstance()
        let phase = instance.phase
        instance.lastEnd = time
        instance.isMissing = false
        switch rule.condition {
        case .threshold: judge(&instance, finding.holds, finding, at: time)
        case .change(_, let amount, let isRelative, let direction):
            let holds = Self.isChange(
                from: instance.previous, to: finding.number, by: amount, isRelative, direction)
            instance.previous = finding.number
            judge(&instance, holds, finding, at: time)
        case .absence:
            instance.values = finding.values
            if instance.phase == .firing {
                instance.clearSince = instance.clearSince ?? time
            } else {
                instance.phase = .pending
                instance.activeSince = time
            }
        }
        settle(key, instance, was: phase)
    }

    private func judge(
        _ instance: inout AlertInstance, _ holds: Bool, _ finding: AlertFinding, at time: Int64
    ) {
        if holds { instance.values = finding.values }
        switch (instance.phase, holds) {
        case (.idle, true):
            instance.phase = .pending
            instance.activeSince = time
        case (.pending, false): instance.phase = .idle
        case (.firing, true): instance.clearSince = nil
        case (.firing, false): instance.clearSince = instance.clearSince ?? time
        case (.idle, false), (.pending, true): break
        }
    }

    static func isChange(
        from previous: Double?, to number: Double?, by amount: Double, _ isRelative: Bool,
        _ direction: AlertRule.Direction
    ) -> Bool {
        guard let previous, let number, !previous.isNaN, !number.isNaN else { return false }
        if direction == .up && number < previous || direction == .down && number > previous {
            return false
        }
        let difference = abs(number - previous)
        if isRelative { return difference > 0 && difference > amount * abs(previous) }
        return difference > amount
    }

    private mutating func fallDue(_ key: AlertKey, at time: Int64) {
        guard var instance = instances[key] else { return }
        let rule = job.alerts[key.rule]
        let phase = instance.phase
        if case .absence = rule.condition {
            let isAbsent = time >= saturated(instance.lastEnd, rule.holdMilliseconds)
            if isAbsent, phase == .pending { fire(&instance, key, at: time) }
            if isAbsent { instance.clearSince = nil }
            if let clear = instance.clearSince, time >= saturated(clear, rule.keepMilliseconds) {
                resolve(&instance, key, at: time)
                // It may become absent again.
                instance.phase = .pending
                instance.activeSince = instance.lastEnd
            }
            if let forget = rule.forgetMilliseconds, time >= saturated(instance.lastEnd, forget) {
                if instance.phase == .firing { resolve(&instance, key, at: time) }
                instance.phase = .idle
            }
        } else {
            if !instance.isMissing, missingAt(key.rule, instance) == time {
                instance.isMissing = true
                instance.previous = nil
                judge(&instance, false, AlertFinding(), at: time)
            }
            if instance.phase == .pending,
                time >= saturated(instance.activeSince, rule.holdMilliseconds)
            {
                fire(&instance, key, at: time)
            } else if instance.phase == .firing, let clear = instance.clearSince,
                time >= saturated(clear, rule.keepMilliseconds)
            {
                resolve(&instance, key, at: time)
            }
        }
        settle(key, instance, was: phase)
    }

    private mutating func fire(_ instance: inout AlertInstance, _ key: AlertKey, at time: Int64) {
        instance.phase = .firing
        instance.firedAt = time
        instance.clearSince = nil
        note(instance, key, isFiring: true, at: time)
    }

    mutating func resolve(_ instance: inout AlertInstance, _ key: AlertKey, at time: Int64) {
        instance.phase = .idle
        instance.clearSince = nil
        note(instance, key, isFiring: false, at: time)
    }

    private mutating func note(
        _ instance: AlertInstance, _ key: AlertKey, isFiring: Bool, at time: Int64
    ) {
        sequence += 1
        transitions.append(
            AlertTransition(
                rule: key.rule, key: key.bytes, isFiring: isFiring, time: time,
                activeSince: instance.activeSince, firedAt: instance.firedAt,
                values: instance.values, sequence: sequence))
    }

    /// When a key's window is missing, where that can be told.
    private func missingAt(_ rule: Int, _ instance: AlertInstance) -> Int64? {
        AlertInstants.next(
            after: instance.lastEnd, job.windows[job.alerts[rule].windowIndex].shape)
    }

    /// Keeps an instance that still matters and sets its timer.
    mutating func settle(
        _ key: AlertKey, _ instance: AlertInstance, was phase: AlertInstance.Phase
    ) {
        var instance = instance
        if instance.phase != phase { changed[key] = instance }
        instance.due = due(key.rule, instance)
        let isNeeded =
            switch job.alerts[key.rule].condition {
            case .threshold, .absence: instance.phase != .idle
            case .change: instance.phase != .idle || instance.previous != nil
            }
        guard isNeeded else {
            instances[key] = nil
            return
        }
        instances[key] = instance
        if instance.due < .max { timers.insert(instance.due, key) }
    }

    private func due(_ index: Int, _ instance: AlertInstance) -> Int64 {
        let rule = job.alerts[index]
        var due = Int64.max
        if let clear = instance.clearSince { due = saturated(clear, rule.keepMilliseconds) }
        if case .absence = rule.condition {
            if instance.phase == .pending || instance.clearSince != nil {
                due = min(due, saturated(instance.lastEnd, rule.holdMilliseconds))
            }
            if let forget = rule.forgetMilliseconds {
                due = min(due, saturated(instance.lastEnd, forget))
            }
            return due
        }
        if instance.phase == .pending {
            due = min(due, saturated(instance.activeSince, rule.holdMilliseconds))
        }
        if !instance.isMissing, let missing = missingAt(index, instance) { due = min(due, missing) }
        return due
    }

    private func saturated(_ time: Int64, _ milliseconds: Int64) -> Int64 {
        let sum = time.addingReportingOverflow(milliseconds)
        return sum.overflow ? .max : sum.partialValue
    }
}

// MARK: - Findings

extension AlertEvaluator {
    /// What a row says to a rule.
    private func finding(_ index: Int, _ row: WatchedWindow) -> AlertFinding {
        let rule = job.alerts[index]
        var finding = AlertFinding()
        switch rule.condition {
        case .absence: finding.values = row.values.map(\.text)
        case .change(let aggregate, _, _, _):
            finding.number = Self.number(row.values[aggregate])
            finding.values = row.values.map(\.text)
        case .threshold:
            finding.holds = isTrue(index, row)
            if finding.holds { finding.values = row.values.map(\.text) }
        }
        return finding
    }

    private static func number(_ value: AggregateValue) -> Double? {
        switch value {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// Whether a rule's expression is true; what has no value is not.
    private func isTrue(_ index: Int, _ row: WatchedWindow) -> Bool {
        guard let program = programs[index] else { return false }
        var texts = literals[index]
        let slots = fields[index].paths.map { datum($0.joined(separator: "."), row, &texts) }
        return program.evaluate(slots, row: 0, &texts).isTrue
    }

    private func datum(_ name: String, _ row: WatchedWindow, _ texts: inout TextBuffer) -> Datum {
        if let aggregate = job.aggregates.firstIndex(where: { $0.name == name }) {
            switch row.values[aggregate] {
            case .int(let value): return Datum(value)
            case .double(let value): return Datum(value)
            case .null, .error: return .null
            case .bytes, .list, .entries: return texts.add(row.values[aggregate].text ?? [])
            }
        }
        switch name {
        case "window.start": return Datum(row.start)
        case "window.end": return Datum(row.end)
        default:
            return AlertKeyFields(job, row.key, isApart: keepsKeyFieldsApart)[name]
                .map { texts.add($0.utf8) } ?? .null
        }
    }
}
