package import SiltModel

/// Named, immutable objects: tables, manifests, schemas.
///
/// No rename, append, overwrite or directories as truth, so that the same engine can later keep its
/// objects in S3.
///
/// Keys are relative paths of `[A-Za-z0-9._-]` segments joined by `/`. Implementations are safe
/// to call from any thread.
package protocol ObjectStore: Sendable {
    /// Creates an object with these bytes when no object has the key.
    ///
    /// - Returns: `true` when created, and then the object is durable (bytes and name); `false` when one exists.
    func putIfAbsent(_ key: String, _ bytes: [UInt8]) throws(SiltstoneError) -> Bool

    /// Begins an object whose key nobody else can choose (it holds a fresh identifier).
    func makeUnique(_ key: String) throws(SiltstoneError) -> any ObjectWriter

    /// Opens an object for reads at any offset.
    func open(_ key: String) throws(SiltstoneError) -> any ObjectReader

    /// The whole object.
    func get(_ key: String) throws(SiltstoneError) -> [UInt8]

    /// The size in bytes; `nil` when there is no such object.
    func size(_ key: String) throws(SiltstoneError) -> Int?

    /// The keys that begin with `prefix` and sort after `after`, ascending, at any depth.
    func list(prefix: String, after: String?) throws(SiltstoneError) -> [String]

    /// Deletes objects; a key without an object is no error. Only the sweeper calls this.
    func delete(_ keys: [String]) throws(SiltstoneError)

    /// Removes what writers that a crash interrupted left behind; called once, before the first write.
    ///
    /// - Returns: how many leftovers were removed.
    func removeUnfinished() throws(SiltstoneError) -> Int
}

extension ObjectStore {
    /// Most stores leave nothing behind.
    package func removeUnfinished() throws(SiltstoneError) -> Int { 0 }
}

/// An object being written, strictly forward; seen by nobody until `finish` returns.
package protocol ObjectWriter: AnyObject {
    /// The bytes appended so far.
    var byteCount: Int { get }

    /// Appends bytes.
    func append(_ bytes: UnsafeRawBufferPointer) throws(SiltstoneError)

    /// Makes the object durable, bytes and name; nothing may be appended after it.
    func finish() throws(SiltstoneError)

    /// Gives the object up; what was written disappears.
    func abandon()
}

/// An open object; deleting the object does not disturb an open reader.
package protocol ObjectReader: AnyObject, Sendable {
    /// The object's key, for errors.
    var key: String { get }

    /// The object's size in bytes.
    var byteCount: Int { get }

    /// Fills `buffer` from `offset`; fewer bytes than asked is an error (`corrupted`, naming key and offset).
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SiltstoneError)
}
