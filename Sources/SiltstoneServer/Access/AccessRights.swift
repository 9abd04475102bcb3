/// What the holder of a token may do with a table; each level has those before it.
package enum AccessRight: String, Sendable, CaseIterable, Comparable {
    /// Reads rows and schemas.
    case read
    /// Writes rows.
    case write
    /// Creates, changes and drops tables, and looks after them.
    case admin

    /// Whether the first allows less.
    package static func < (left: AccessRight, right: AccessRight) -> Bool {
        left.level < right.level
    }

    private var level: Int {
        switch self {
        case .read: 0
        case .write: 1
        case .admin: 2
        }
    }
}

/// A right over the tables whose names begin with one of a few prefixes.
package struct AccessRights: Sendable, Equatable {
    /// What may be done with these tables.
    package let right: AccessRight
    /// How their names begin; an empty prefix stands for all tables and for the server.
    package let prefixes: [String]

    /// A right over prefixes; none are all.
    package init(_ right: AccessRight, prefixes: [String]) {
        self.right = right
        self.prefixes = prefixes.isEmpty ? [""] : prefixes
    }

    /// Whether a table of that name may be used so.
    package func allows(_ wanted: AccessRight, table: String) -> Bool {
        guard wanted <= right else { return false }
        // Bytes, not characters: equal text of other bytes is another name.
        return prefixes.contains { table.utf8.starts(with: $0.utf8) }
    }

    /// Whether what belongs to no one table may be used so.
    package func allowsServer(_ wanted: AccessRight) -> Bool {
        wanted <= right && prefixes.contains("")
    }
}
