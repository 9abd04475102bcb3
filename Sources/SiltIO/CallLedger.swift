import SiltModel

/// What the fault plan makes of one call.
enum CallFate: Sendable {
    /// It is done and answered.
    case done
    /// It is done, partly done or not done, and the world has stopped.
    case stopped(FaultPlan.StopEffect)
    /// It fails and the world goes on.
    case failed

    /// Whether all of it is to be done.
    var isApplied: Bool {
        switch self {
        case .done, .stopped(.applied): true
        case .stopped, .failed: false
        }
    }

    /// Whether a part of it is to be done.
    var isTorn: Bool {
        if case .stopped(.torn) = self { return true }
        return false
    }

    /// Whether it is a failure in a world that goes on.
    var isFailed: Bool {
        if case .failed = self { return true }
        return false
    }

    /// What the caller is told; `nil` when the call has an answer.
    func error(_ operation: DiskOperation) -> SiltstoneError? {
        switch self {
        case .done: nil
        case .stopped: SiltstoneError(.unavailable, "disk stopped call=\(operation.rawValue)")
        case .failed: SiltstoneError(.unavailable, "storage failed call=\(operation.rawValue)")
        }
    }
}

/// Counts the calls of a memory disk and holds them against the plan.
struct CallLedger: Sendable {
    /// Calls since the disk began.
    private(set) var counts: [DiskOperation: Int] = [:]
    /// Mutating calls since the plan was installed.
    private(set) var mutatingCount = 0
    /// The plan.
    var plan = FaultPlan.none
    /// Whether the world has stopped.
    var isStopped = false
    /// Decides what is left of torn calls.
    var random = Xoshiro256(seed: 1)
    private var planCounts: [DiskOperation: Int] = [:]

    mutating func install(_ plan: FaultPlan) {
        self.plan = plan
        planCounts = [:]
        mutatingCount = 0
        random = Xoshiro256(seed: plan.seed)
    }

    /// The bytes of an object that is finished, damaged if the plan says so.
    mutating func stored(_ bytes: [UInt8]) -> [UInt8] {
        guard !bytes.isEmpty, plan.damagedFinishes.contains(planCounts[.writerFinish] ?? 0) else {
            return bytes
        }
        var damaged = bytes
        damaged[Int(random.next() % UInt64(bytes.count))] ^= 1 << UInt8(random.next() & 7)
        return damaged
    }

    mutating func begin(_ operation: DiskOperation) throws(SiltstoneError) -> CallFate {
        guard !isStopped else {
            throw SiltstoneError(.unavailable, "disk stopped call=\(operation.rawValue)")
        }
        counts[operation, default: 0] += 1
        planCounts[operation, default: 0] += 1
        if operation.isMutating {
            mutatingCount += 1
            if mutatingCount == plan.stopAtMutatingCall {
                isStopped = true
                return .stopped(plan.stopEffect)
            }
        }
        let number = planCounts[operation] ?? 0
        return plan.failures.contains(.init(operation, number: number)) ? .failed : .done
    }
}
