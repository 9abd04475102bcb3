import SiltModel
import Testing

@testable import SiltLSM

@Suite("Versions in excess") struct ExcessVersionTests {
    /// Five versions of a row in files, the family keeps three; what a merge of all files leaves of them.
    ///
    /// - Parameters:
    ///   - marker: a marker of another row, newer than all that is merged.
    ///   - isFlushed: whether it is in a file that begins while the merge waits, or in memory.
    private func versions(below marker: CellType?, isFlushed: Bool) throws -> [String] {
        let fixture = try EngineFixture(groupCount: 1)
        let group = fixture.groups[0]
        for number in 1...5 {
            try fixture.put("r", "\(number)")
            try group.flush()
        }
        let tree = try #require(group.set.trees.first)
        let job = try #require(fixture.engine.planner.plan(tree, nowMilliseconds: 0))
        #expect(job.inputs.count == 5 && job.reachesBottom)
        if let marker { try fixture.put("s", "", type: marker) }
        if isFlushed {
            try group.flush()
            // The merge is of the older runs only, below the one with the marker.
            let current = try #require(group.set.trees.first)
            #expect(current.runs.count == 6)
            let claim = CompactionClaim(
                job, of: current, reach: fixture.engine.reach(of: job, in: current))
            try fixture.engine.run(claim, in: group)
        } else {
            #expect(try fixture.engine.compactOnce(group))
        }
        return try fixture.cells().filter { $0.row == "r" }.map(\.value)
    }

    @Test("go where no marker above could bring them back", arguments: [false, true])
    func dropped(isFlushed: Bool) throws {
        #expect(try versions(below: .deleteColumn, isFlushed: isFlushed) == ["5", "4", "3"])
        #expect(try versions(below: .deleteFamily, isFlushed: isFlushed) == ["5", "4", "3"])
    }

    @Test("stay below a marker of one version", arguments: [false, true])
    func kept(isFlushed: Bool) throws {
        let all = ["5", "4", "3", "2", "1"]
        #expect(try versions(below: .delete, isFlushed: isFlushed) == all)
        #expect(try versions(below: .deleteFamilyVersion, isFlushed: isFlushed) == all)
    }

    @Test("go without any marker")
    func noMarker() throws {
        #expect(try versions(below: nil, isFlushed: false) == ["5", "4", "3"])
    }
}
