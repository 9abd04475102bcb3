/// Which slots are the time, the key and the arguments of a job's records, where those are all that it reads of them.
struct ColumnPlan: Sendable {
    /// The slot of the event time, a whole number of milliseconds.
    let timeSlot: Int
    /// The slot of the key.
    let keySlot: Int
    /// The slots of the aggregates' arguments, each once.
    let argumentSlots: [Int]
    /// The longest key, in bytes.
    let keyBytesMax: Int

    /// The plan of a job, `nil` where more than that is to be known of a record.
    init?(_ plan: JobPlan, _ job: JobDefinition) {
        guard plan.isPlain, job.backfill == nil, EventTime(unit: job.time.unit).isMilliseconds
        else { return nil }
        timeSlot = plan.timeSlot
        keySlot = plan.keySlots[0]
        keyBytesMax = JobPipeline.keyBytesMax(job)
        var slots: [Int] = []
        for slot in plan.arguments.compactMap(\.slot) where !slots.contains(slot) {
            slots.append(slot)
        }
        argumentSlots = slots
        if timeSlot == keySlot || slots.contains(timeSlot) || slots.contains(keySlot) { return nil }
    }
}

/// Where the values of a plan's slots are in a record.
struct ColumnFields: Sendable {
    let time: Int
    let key: Int
    let arguments: [Int]

    /// The fields of slots, each of which has one.
    init?(_ plan: ColumnPlan, field: (Int) -> Int?) {
        guard let time = field(plan.timeSlot), let key = field(plan.keySlot) else { return nil }
        self.time = time
        self.key = key
        arguments = plan.argumentSlots.compactMap(field)
        if arguments.count < plan.argumentSlots.count { return nil }
    }
}
