internal import SiltBytes
internal import SiltFormat
internal import SiltIO
internal import SiltModel

extension DirectoryRepair {
    /// Replaces logs that recovery would refuse by their good records.
    mutating func repairLogs() throws(SiltstoneError) {
        for incarnation in try environment.log.incarnations() {
            guard let damage = try self.damage(of: incarnation) else { continue }
            let salvage = try LogSalvage(
                environment.log, incarnation, flushed: flushedSequences)
            // At least the damage itself, should nothing be found to lack.
            let lines = salvage.losses.isEmpty ? [damage.description] : salvage.losses
            if !acceptsLoss {
                for line in lines { _ = accepts(line) }
                continue
            }
            for (number, name) in salvage.segments {
                let bytes = try environment.log.read(incarnation, number)
                _ = try environment.objects.putIfAbsent("quarantine/" + name, bytes)
            }
            try salvage.replace()
            for line in lines { _ = accepts(line) }
            actions.append(
                "wrote the good records of log \(incarnation) anew, the old ones are in quarantine/"
            )
        }
    }

    /// What recovery would say of a log; `nil` when it reads it.
    private func damage(of incarnation: Identifier) throws(SiltstoneError) -> SiltstoneError? {
        var replay = LogReplay(environment.log, incarnation: incarnation)
        do throws(SiltstoneError) {
            try replay.run { (_, _) throws(SiltstoneError) in }
            return nil
        } catch {
            guard error.code == .corrupted else { throw error }
            return error
        }
    }
}
