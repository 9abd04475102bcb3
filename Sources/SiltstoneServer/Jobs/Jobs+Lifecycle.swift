import SiltIngest
import SiltModel
import SiltTable

/// What is done to jobs that are there; everything blocks.
extension Jobs {
    /// Stops a job at a checkpoint until it is resumed, also over restarts of the server.
    func pause(_ name: String) throws(SiltstoneError) -> RunningJob {
        try changing(name) { job throws(SiltstoneError) in
            if job.currentStatus.state == .finished {
                throw SiltstoneError(.conflict, "job has finished job=\(name)")
            }
            return try hold(job)
        }
    }

    /// Lets a job go on that was paused, or failed.
    func resume(_ name: String) throws(SiltstoneError) -> RunningJob {
        try changing(name) { job throws(SiltstoneError) in
            let state = job.currentStatus.state
            if state == .running || state == .finished { return job }
            job.waitUntilEnded()
            return try restart(job.record, job.definition)
        }
    }

    /// Ends a job: it reads no more, and every open window is written as it is.
    func drain(_ name: String) throws(SiltstoneError) -> RunningJob {
        try changing(name) { job throws(SiltstoneError) in
            if job.currentStatus.state == .finished { return job }
            job.drain()
            job.cancel()
            job.waitUntilEnded()
            if job.currentStatus.state == .finished { return job }
            // One that stood still reads nothing either.
            let again = RunningJob(job.record.resumed, job.definition)
            again.drain()
            again.cancel()
            try again.record.store(in: store)
            begin(again)
            again.waitUntilEnded()
            return again
        }
    }

    /// Has the bad records of a job read again, and lets the job go on where it was.
    func replayBad(_ name: String, includesMarked: Bool) throws(SiltstoneError)
        -> BadRecordReplay.Outcome
    {
        var outcome = BadRecordReplay.Outcome()
        _ = try changing(name) { job throws(SiltstoneError) in
            let wasRunning = job.currentStatus.state == .running
            job.cancel()
            job.waitUntilEnded()
            let replay = BadRecordReplay(
                store: store, job: job.definition, clock: store.clock,
                includesMarked: includesMarked)
            let result: Result<BadRecordReplay.Outcome, SiltstoneError>
            do throws(SiltstoneError) {
                result = .success(try replay.run())
            } catch {
                result = .failure(error)
            }
            // The job goes on whatever came of it.
            let now = if wasRunning { try restart(job.record, job.definition) } else { job }
            outcome = try result.get()
            return now
        }
        return outcome
    }

    /// Puts a changed definition in the place of a job, whose open windows stay.
    func replace(_ job: RunningJob, _ definition: JobDefinition, document: [UInt8])
        throws(SiltstoneError) -> RunningJob
    {
        let obstacles = JobChange.obstacles(from: job.definition, to: definition)
        let state = job.currentStatus.state
        // Only when it has stopped is it known whether it leaves open windows.
        job.cancel()
        job.waitUntilEnded()
        let hasBegun =
            try JobRunner.checkpointNumber(of: definition.name, in: store) > job.record.startsAfter
        if hasBegun, !obstacles.isEmpty {
            if state == .running { _ = try restart(job.record, job.definition) }
            throw SiltstoneError(
                .conflict,
                "job has open windows of a definition that differs in \(obstacles.joined(separator: ", ")), so they cannot be kept; drain it first, then delete it job=\(definition.name)"
            )
        }
        let isPaused = state == .paused
        let record = JobRecord(
            name: definition.name, document: document, startsAfter: job.record.startsAfter,
            isPaused: isPaused)
        if !isPaused { return try restart(record, definition) }
        try record.store(in: store)
        return keep(RunningJob(record, definition))
    }

    /// Computes the windows of a job within a range anew, while the job goes on.
    ///
    /// It shows among the jobs under the name of its checkpoint until the server ends; asked for again, it goes on where
    /// it was.
    func backfill(_ name: String, from: Int64, to: Int64, isFresh: Bool) throws(SiltstoneError)
        -> RunningJob
    {
        try changing(name) { job throws(SiltstoneError) in
            let definition = try job.definition.backfilling(from: from, to: to)
            let own = definition.checkpointName
            if let known = self.job(own) {
                if known.currentStatus.state == .running { return known }
                known.waitUntilEnded()
            }
            let record = JobRecord(name: own, document: job.record.document, startsAfter: 0)
            let filling = RunningJob(record, definition, isFresh: isFresh)
            begin(filling)
            return filling
        }
    }

    private func hold(_ job: RunningJob) throws(SiltstoneError) -> RunningJob {
        job.cancel()
        job.waitUntilEnded()
        // It may have come to its end, or failed, before it could be stopped.
        if job.currentStatus.state == .finished { return job }
        let record = job.record.paused
        try record.store(in: store)
        return keep(RunningJob(record, job.definition, summary: job.currentStatus.summary))
    }

    private func restart(_ record: JobRecord, _ definition: JobDefinition)
        throws(SiltstoneError) -> RunningJob
    {
        let record = record.resumed
        try record.store(in: store)
        let job = RunningJob(record, definition)
        begin(job)
        return job
    }
}
