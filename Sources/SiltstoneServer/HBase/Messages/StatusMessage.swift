import SiltBytes
import SiltModel

/// The state of the one node there is, with its regions.
struct StatusMessage {
    struct Region {
        var name: Bytes
        var stores: Int64 = 0
        var files: Int64 = 0
        var fileMebibytes: Int64 = 0
        var memtableMebibytes: Int64 = 0
        var reads: Int64 = 0
        var writes: Int64 = 0
        var cells: Int64 = 0

        /// The figures in the order of their protobuf fields; those that mean nothing here are 0.
        var figures: [(name: String, value: Int64)] {
            [
                ("stores", stores), ("storefiles", files), ("storefileSizeMB", fileMebibytes),
                ("memStoreSizeMB", memtableMebibytes), ("storefileIndexSizeKB", 0),
                ("readRequestsCount", reads), ("writeRequestsCount", writes),
                ("rootIndexSizeKB", 0), ("totalStaticIndexSizeKB", 0),
                ("totalStaticBloomSizeKB", 0), ("totalCompactingKVs", cells),
                ("currentCompactedKVs", cells), ("cpRequestsCount", 0),
            ]
        }
    }

    /// `host:port`.
    var node: String
    /// When the server started, in milliseconds since 1970.
    var startCode: Int64
    var requests: Int64
    var heapMebibytes: Int64
    var regions: [Region]

    private var count: Int64 { Int64(regions.count) }
    private var load: Double { Double(regions.count) }

    func encode(_ type: MediaType) -> [UInt8] {
        switch type {
        case .text: text
        case .xml: xml
        case .protobuf: protobuf
        case .json, .binary: json.bytes
        }
    }

    private var text: [UInt8] {
        var result = "1 live servers, 0 dead servers, \(load) average load\n\n1 live servers\n"
        result += "    \(node) \(startCode)\n        requests=\(requests), regions=\(count)\n"
        result += "        heapSizeMB=\(heapMebibytes)\n        maxHeapSizeMB=\(heapMebibytes)\n\n"
        for region in regions {
            result += "        \(region.name)\n"
            for figure in region.figures {
                result += "            \(figure.name)=\(figure.value)\n"
            }
        }
        return Array(result.utf8)
    }

    private var json: JSONValue {
        let list = regions.map { region in
            JSONValue.object(
                [.init("name", .string(Base64.encode(region.name.array)))]
                    + region.figures.map { .init($0.name, .integer($0.value)) })
        }
        let live = JSONValue.object(
            ("name", .string(node)), ("Region", .array(list)), ("requests", .integer(requests)),
            ("startCode", .integer(startCode)), ("heapSizeMB", .integer(heapMebibytes)),
            ("maxHeapSizeMB", .integer(heapMebibytes)))
        return .object(
            ("regions", .integer(count)), ("requests", .integer(requests)),
            ("averageLoad", .number(load)), ("LiveNodes", .array([live])),
            ("DeadNodes", .array([])))
    }

    private var xml: [UInt8] {
        var writer = XMLWriter()
        writer.open(
            "ClusterStatus",
            [
                ("averageLoad", "\(load)"), ("regions", "\(count)"), ("requests", "\(requests)"),
            ])
        writer.open("DeadNodes", isEmpty: true)
        writer.open("LiveNodes")
        writer.open(
            "Node",
            [
                ("heapSizeMB", "\(heapMebibytes)"), ("maxHeapSizeMB", "\(heapMebibytes)"),
                ("name", node), ("requests", "\(requests)"), ("startCode", "\(startCode)"),
            ])
        for region in regions {
            writer.open(
                "Region",
                region.figures.map { ($0.name, String($0.value)) } + [
                    ("name", Base64.encode(region.name.array))
                ], isEmpty: true)
        }
        writer.close("Node")
        writer.close("LiveNodes")
        writer.close("ClusterStatus")
        return writer.bytes
    }

    private var protobuf: [UInt8] {
        var writer = ProtobufWriter()
        writer.write(1) { live in
            live.write(1, node)
            live.write(2, startCode)
            live.write(3, requests)
            live.write(4, heapMebibytes)
            live.write(5, heapMebibytes)
            for region in regions {
                live.write(6) {
                    $0.write(1, region.name)
                    for (index, figure) in region.figures.enumerated() {
                        $0.write(index + 2, figure.value)
                    }
                }
            }
        }
        writer.write(3, count)
        writer.write(4, requests)
        writer.write(5, load)
        return writer.bytes
    }
}
