internal import SiltModel
internal import SiltStream

/// A job's expressions compiled to programs over record slots, and its aggregates over columns.
struct JobPlan {
    /// An argument of aggregates.
    struct Argument {
        let program: ExpressionProgram
        let slot: Int?
        /// Whether it must be a number: what `sum` and `avg` add.
        let wantsNumber: Bool
        /// The name of an aggregate that uses it, for messages.
        let name: String
    }

    var fields = FieldTable()
    var literals = TextBuffer()
    var filter: ExpressionProgram?
    var mappings: [(name: String, program: ExpressionProgram, slot: Int)] = []
    let timeSlot: Int
    /// Whether the event time is a computed field.
    let isTimeComputed: Bool
    var watermarkSlot: Int?
    var keySlots: [Int] = []
    var arguments: [Argument] = []
    var masks: [(name: String, program: ExpressionProgram)] = []
    var aggregates: [AggregateSpec] = []
    /// The gap after an event in its session.
    private(set) var gap: ExpressionProgram?
    /// The slots whose text nothing but event time and aggregates read, which take a number where it is one.
    private(set) var numberSlots: Set<Int> = []
    /// Whether a record's slots are all there is to it: no filter, computed field, explicit watermark or expression,
    /// and one key field.
    private(set) var isPlain = false
    /// Whether the row's template needs the key's fields apart.
    let keepsKeyFieldsApart: Bool
    /// How records are read into columns, where a record's time, key and arguments are all there is to it.
    private(set) var columns: ColumnPlan?

    init(_ job: JobDefinition) {
        var fields = FieldTable()
        JobPlan.collectSources(job, &fields)
        if let filter = job.filter {
            self.filter = ExpressionProgram(filter, fields: &fields, texts: &literals)
        }
        for mapping in job.mappings {
            let program = ExpressionProgram(mapping.expression, fields: &fields, texts: &literals)
            mappings.append((mapping.name, program, fields.addComputed(mapping.name)))
        }
        timeSlot = fields.slot(job.time.field)
        isTimeComputed = timeSlot >= fields.sourceCount
        watermarkSlot = job.time.watermarkField.map { fields.sourceSlot($0) }
        keySlots = job.key.map { fields.slot($0) }
        keepsKeyFieldsApart =
            job.key.count > 1
            && job.row.parts.contains { if case .field = $0 { true } else { false } }
        var columns: [(Expression, Bool)] = []
        var filters: [Expression] = []
        for aggregate in job.aggregates {
            let wantsNumber = aggregate.function.wantsNumbers
            let column = aggregate.argument.map {
                addArgument($0, wantsNumber, aggregate.name, &columns, &fields)
            }
            let output = aggregate.output.map {
                addArgument($0, false, aggregate.name, &columns, &fields)
            }
            var mask: Int?
            if let filter = aggregate.filter {
                mask = filters.firstIndex { $0.isSame(as: filter) }
                if mask == nil {
                    mask = filters.count
                    filters.append(filter)
                    masks.append(
                        (
                            aggregate.name,
                            ExpressionProgram(filter, fields: &fields, texts: &literals)
                        ))
                }
            }
            aggregates.append(
                AggregateSpec(
                    name: aggregate.name, aggregate.function, column: column, mask: mask,
                    parameters: aggregate.parameters, output: output, own: aggregate.own))
        }
        gap = job.sessionGap.map { ExpressionProgram($0, fields: &fields, texts: &literals) }
        self.fields = fields
        numberSlots = JobPlan.numberSlots(job, fields)
        isPlain =
            filter == nil && mappings.isEmpty && watermarkSlot == nil && keySlots.count == 1
            && masks.isEmpty && gap == nil && arguments.allSatisfy { $0.slot != nil }
        self.columns = ColumnPlan(self, job)
    }

    private static func numberSlots(_ job: JobDefinition, _ fields: FieldTable) -> Set<Int> {
        var numbers: Set<[String]> = []
        var others = Set(job.key)
        switch job.time.unit {
        case .rfc3339, .pattern: others.insert(job.time.field)
        default: numbers.insert(job.time.field)
        }
        if let path = job.time.watermarkField { others.insert(path) }
        others.formUnion(job.filter?.fields ?? [])
        others.formUnion(job.sessionGap?.fields ?? [])
        for mapping in job.mappings { others.formUnion(mapping.expression.fields) }
        for aggregate in job.aggregates {
            others.formUnion(aggregate.filter?.fields ?? [])
            for expression in [aggregate.argument, aggregate.output] {
                if case .field(let path, _) = expression {
                    numbers.insert(path)
                } else {
                    others.formUnion(expression?.fields ?? [])
                }
            }
        }
        return Set(
            fields.paths.indices.filter {
                numbers.contains(fields.paths[$0]) && !others.contains(fields.paths[$0])
            })
    }

    /// The column of an argument, shared by aggregates of the same.
    private mutating func addArgument(
        _ argument: Expression, _ wantsNumber: Bool, _ name: String,
        _ columns: inout [(Expression, Bool)], _ fields: inout FieldTable
    ) -> Int {
        if let column = columns.firstIndex(where: {
            $0.0.isSame(as: argument) && $0.1 == wantsNumber
        }) {
            return column
        }
        columns.append((argument, wantsNumber))
        let program = ExpressionProgram(argument, fields: &fields, texts: &literals)
        arguments.append(
            Argument(
                program: program, slot: program.plainSlot, wantsNumber: wantsNumber, name: name))
        return columns.count - 1
    }

    /// Gives every field of the source its slot, before the computed ones get theirs.
    private static func collectSources(_ job: JobDefinition, _ fields: inout FieldTable) {
        for path in job.filter?.fields ?? [] { _ = fields.sourceSlot(path) }
        var computed: Set<String> = []
        func collect(_ path: [String], _ fields: inout FieldTable) {
            if path.count > 1 || !computed.contains(path[0]) { _ = fields.sourceSlot(path) }
        }
        for mapping in job.mappings {
            for path in mapping.expression.fields { collect(path, &fields) }
            computed.insert(mapping.name)
        }
        if let path = job.time.watermarkField { _ = fields.sourceSlot(path) }
        if !job.time.field.isEmpty { collect(job.time.field, &fields) }
        for path in job.key { collect(path, &fields) }
        for path in job.sessionGap?.fields ?? [] { collect(path, &fields) }
        for aggregate in job.aggregates {
            for expression in [aggregate.argument, aggregate.output, aggregate.filter] {
                for path in expression?.fields ?? [] { collect(path, &fields) }
            }
        }
    }
}
