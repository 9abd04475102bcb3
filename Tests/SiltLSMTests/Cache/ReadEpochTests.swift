import Foundation
import Synchronization
import Testing

@testable import SiltLSM

@Suite("Read epoch") struct ReadEpochTests {
    /// Counts how many of its kind are gone.
    private final class Canary: Sendable {
        let gone: Counter
        let alive = Atomic(true)

        init(_ gone: Counter) { self.gone = gone }

        deinit {
            alive.store(false, ordering: .relaxed)
            gone.value.wrappingAdd(1, ordering: .relaxed)
        }
    }

    private final class Counter: Sendable {
        let value = Atomic(0)
    }

    /// A word that shows a canary.
    @safe
    private final class Place: Sendable {
        let current: Atomic<Unmanaged<Canary>>

        init(_ first: Canary) { unsafe current = Atomic(Unmanaged.passRetained(first)) }
    }

    @Test("What a reader may have seen stays until it is gone, and no longer")
    func order() {
        let epoch = ReadEpoch()
        let gone = Counter()
        let early = epoch.enter()
        epoch.retire(Canary(gone))
        for _ in 0..<5 { epoch.reclaim() }
        #expect(gone.value.load(ordering: .relaxed) == 0)
        // A reader that came after the object was retired does not keep it.
        let late = epoch.enter()
        epoch.leave(early)
        epoch.retire(Canary(gone))
        for _ in 0..<5 { epoch.reclaim() }
        #expect(gone.value.load(ordering: .relaxed) == 1)
        epoch.leave(late)
        for _ in 0..<5 { epoch.reclaim() }
        #expect(gone.value.load(ordering: .relaxed) == 2)
        #expect(epoch.retiredCount == 0)
    }

    @Test("A large object is left to who has time for it")
    func large() {
        let epoch = ReadEpoch()
        let gone = Counter()
        epoch.retire(Canary(gone), isLarge: true)
        epoch.retire(Canary(gone))
        for _ in 0..<5 { epoch.reclaim(releasesLarge: false) }
        #expect(gone.value.load(ordering: .relaxed) == 1)
        #expect(epoch.retiredCount == 1)
        // It is out of use already: a reader of now does not keep it.
        let pin = epoch.enter()
        epoch.reclaim()
        #expect(gone.value.load(ordering: .relaxed) == 2)
        epoch.retire(Canary(gone), isLarge: true)
        for _ in 0..<5 { epoch.reclaim() }
        #expect(gone.value.load(ordering: .relaxed) == 2)
        epoch.leave(pin)
        for _ in 0..<2 { epoch.reclaim() }
        #expect(gone.value.load(ordering: .relaxed) == 3)
        #expect(epoch.retiredCount == 0)
    }

    @Test("Readers on several threads never see what was released")
    func race() async {
        let epoch = ReadEpoch()
        let gone = Counter()
        let place = Place(Canary(gone))
        let isOver = Atomic(false)
        let seenDead = Counter()
        let readCount = Counter()
        let swaps = 20_000
        await Threads.run(4) { number in
            if number == 0 {
                for step in 0..<swaps {
                    let old = unsafe place.current.exchange(
                        Unmanaged.passRetained(Canary(gone)), ordering: .sequentiallyConsistent)
                    unsafe epoch.retire(old.takeRetainedValue())
                    if step % 3 == 0 { epoch.reclaim() }
                }
                // A loaded machine may start the readers late.
                while readCount.value.load(ordering: .relaxed) == 0 { epoch.reclaim() }
                isOver.store(true, ordering: .releasing)
            } else {
                while !isOver.load(ordering: .acquiring) {
                    let pin = epoch.enter()
                    let seen = unsafe place.current.load(ordering: .sequentiallyConsistent)
                    let isAlive = unsafe seen._withUnsafeGuaranteedRef {
                        $0.alive.load(ordering: .relaxed)
                    }
                    if !isAlive { seenDead.value.wrappingAdd(1, ordering: .relaxed) }
                    readCount.value.wrappingAdd(1, ordering: .relaxed)
                    epoch.leave(pin)
                }
            }
        }
        for _ in 0..<3 { epoch.reclaim() }
        #expect(seenDead.value.load(ordering: .relaxed) == 0)
        #expect(gone.value.load(ordering: .relaxed) == swaps)
        #expect(readCount.value.load(ordering: .relaxed) > 0)
        unsafe place.current.load(ordering: .relaxed).release()
        #expect(gone.value.load(ordering: .relaxed) == swaps + 1)
    }
}

/// Threads of a test's own.
enum Threads {
    /// Runs `body` on so many threads, and waits for all.
    static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) async {
        await withCheckedContinuation { continuation in
            let left = Left(count)
            for number in 0..<count {
                Thread {
                    body(number)
                    if left.count.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
                        == 0
                    {
                        continuation.resume()
                    }
                }.start()
            }
        }
    }

    private final class Left: Sendable {
        let count: Atomic<Int>

        init(_ count: Int) { self.count = Atomic(count) }
    }
}
