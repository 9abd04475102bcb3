import Glibc

/// What files take on disk.
package enum DiskSpace {
    /// The bytes of the blocks that a file has, whatever its length; 0 when there is none.
    package static func allocatedBytes(atPath path: String) -> Int {
        var status = stat()
        // Safety: the record is this function's, and Swift hands the path over with a zero at its end.
        guard unsafe lstat(path, &status) == 0 else { return 0 }
        return Int(status.st_blocks) * 512
    }
}
