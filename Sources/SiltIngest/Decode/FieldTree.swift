/// The fields that a decoder looks for in JSON objects, as a tree of member names.
struct FieldTree: Sendable {
    /// A member name that leads to a field.
    struct Node: Sendable {
        let name: [UInt8]
        /// The slot of the field itself, or -1.
        var slot = -1
        /// The nodes of members within it.
        var children: [Int] = []
        /// The slots of everything below it.
        var slotsBelow: [Int] = []
    }

    private(set) var nodes: [Node] = []
    /// The nodes of the outermost object.
    private(set) var roots: [Int] = []

    /// The slot of a node that is a field with nothing below it, or -1.
    func leaf(_ node: Int) -> Int {
        node >= 0 && nodes[node].children.isEmpty ? nodes[node].slot : -1
    }

    /// The tree of paths, whose indexes are the slots.
    init(_ paths: [[String]]) {
        for (slot, path) in paths.enumerated() {
            var parent = -1
            for name in path {
                if parent >= 0 { nodes[parent].slotsBelow.append(slot) }
                let name = Array(name.utf8)
                let siblings = parent < 0 ? roots : nodes[parent].children
                if let found = siblings.first(where: { nodes[$0].name == name }) {
                    parent = found
                } else {
                    nodes.append(Node(name: name))
                    let index = nodes.count - 1
                    if parent < 0 {
                        roots.append(index)
                    } else {
                        nodes[parent].children.append(index)
                    }
                    parent = index
                }
            }
            if parent >= 0 { nodes[parent].slot = slot }
        }
    }
}
