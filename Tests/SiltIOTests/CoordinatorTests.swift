import SiltBytes
import SiltIO
import SiltModel
import Testing

@Suite struct CoordinatorTests {
    @Test("of two participants only one is let in, until it leaves")
    func conflict() throws {
        try withTemporaryDirectory { root in
            try check(LocalCoordinator(root: root), LocalCoordinator(root: root))
            let first = LocalCoordinator(root: root)
            try first.join()
            let error = try #require(throws: SiltstoneError.self) {
                try LocalCoordinator(root: root).join()
            }
            #expect(error.message.contains("directory=\(root)"))
            #expect(error.message.contains("stop that process"))
        }
        let disk = MemoryDisk()
        try check(disk.makeCoordinator(), disk.makeCoordinator())
    }

    private func check(_ first: any Coordinator, _ second: any Coordinator) throws {
        #expect(!first.leaseIsValid)
        #expect(code { _ = try first.claim(region: incarnation, above: 0) } == .closed)
        try first.join()
        try first.join()
        #expect(first.leaseIsValid)
        #expect(code { try second.join() } == .conflict)
        #expect(!second.leaseIsValid)
        #expect(try first.claim(region: incarnation, above: 41) == 42)
        #expect(code { _ = try first.claim(region: incarnation, above: .max) } == .corrupted)
        first.leave()
        #expect(!first.leaseIsValid)
        try second.join()
        #expect(second.leaseIsValid)
        second.leave()
    }

    @Test("a lost lease is seen")
    func revoked() throws {
        let disk = MemoryDisk()
        let coordinator = disk.makeCoordinator()
        try coordinator.join()
        disk.revokeOwnership()
        #expect(!coordinator.leaseIsValid)
    }

    @Test("the lock of a coordinator that went away is free")
    func dropped() throws {
        try withTemporaryDirectory { root in
            do {
                let first = LocalCoordinator(root: root)
                try first.join()
            }
            let second = LocalCoordinator(root: root)
            try second.join()
            #expect(second.leaseIsValid)
        }
    }
}
