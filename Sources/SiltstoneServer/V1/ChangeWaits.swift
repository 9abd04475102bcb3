import NIOCore
import NIOPosix
import SiltModel
import SiltTable
import Synchronization

/// Answers requests that wait for changes, without a thread for each.
final class ChangeWaits: Sendable {
    /// What there is to answer now, and whether that is nothing.
    typealias Read = @Sendable () throws(SiltstoneError) -> (Response, isEmpty: Bool)

    private let store: TableStore
    private let group: any EventLoopGroup
    private let threads: NIOThreadPool
    private let hasEnded = Atomic(false)

    init(store: TableStore, group: any EventLoopGroup, threads: NIOThreadPool) {
        self.store = store
        self.group = group
        self.threads = threads
    }

    /// Answers all that wait, and whoever comes, at once.
    func end() {
        hasEnded.store(true, ordering: .sequentiallyConsistent)
        store.wakeChangeReaders()
    }

    /// Answers when there is something, or after a while with nothing.
    func answer(
        _ request: Request, _ table: StoredTable, _ read: @escaping Read, waitMilliseconds: Int,
        _ finish: @escaping @Sendable (Response) -> Void
    ) {
        let (group, threads) = (group, threads)
        let wait = hasEnded.load(ordering: .sequentiallyConsistent) ? 0 : waitMilliseconds
        let readAgain: @Sendable () -> Void = {
            threads.submit { status in
                guard case .active = status else { return finish(Router.unavailable) }
                finish(Router.catching(request) { () throws(SiltstoneError) in try read().0 })
            }
        }
        threads.submit { status in
            guard case .active = status else { return finish(Router.unavailable) }
            do throws(SiltstoneError) {
                // The wish comes first: what is committed after the read is told of.
                let forget = try table.whenChanged(readAgain)
                do throws(SiltstoneError) {
                    let (response, isEmpty) = try read()
                    if !isEmpty {
                        if forget() { finish(response) }
                        return
                    }
                } catch {
                    if forget() { throw error }
                    return
                }
                group.next().scheduleTask(in: .milliseconds(Int64(wait))) {
                    if forget() { readAgain() }
                }
            } catch {
                finish(Router.failure(error, for: request))
            }
        }
    }
}
