/// What a crash leaves of log bytes that no durable append or sync has covered.
///
/// Everything else that a call has returned for is always left.
package enum CrashPolicy: Sendable, CaseIterable {
    /// Only the process died: all that was given to the operating system is left.
    case processKill
    /// Power loss: all of it is gone.
    case dropUnsynced
    /// Power loss just after the kernel had written everything back by itself.
    case keepUnsynced
    /// Power loss: a random part from the front is left.
    case keepPrefix
    /// Power loss: what is left ends at a random boundary of 512-byte sectors.
    case tearAtSector
    /// Power loss: any of the 512-byte sectors are left, the others hold what they held before.
    case keepSectors
    /// Power loss: for each segment one of the above at random.
    case mixed
}
