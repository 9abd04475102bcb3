package import SiltBytes

/// A table file as the engine knows it without opening it.
package struct TableFile: Sendable, Hashable {
    /// The file's identifier.
    package var id: Identifier
    /// The object's key.
    package var key: String
    /// The object's size in bytes.
    package var byteCount = 0
    /// How many cells it holds, markers included.
    package var cellCount = 0
    /// How many of them are delete markers.
    package var markerCount = 0
    /// How many of the markers are of a whole family.
    package var familyMarkerCount = 0
    /// The first cell key.
    package var firstKey: [UInt8] = []
    /// The last cell key.
    package var lastKey: [UInt8] = []
    /// The smallest time stamp.
    package var minTimestamp = Int64.max
    /// The greatest time stamp.
    package var maxTimestamp = Int64.min
    /// The highest sequence number.
    package var maxSequence: UInt64 = 0

    /// A file of which only the name is known.
    package init(id: Identifier, key: String) {
        self.id = id
        self.key = key
    }
}
