// swift-tools-version: 6.2
import PackageDescription

// The module graph: docs/ARCHITECTURE.md draws it, ConventionTests hold it.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]

func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
    name: "siltstone",
    products: [
        .library(name: "Siltstone", targets: ["Siltstone"]),
        .library(name: "SiltstoneServer", targets: ["SiltstoneServer"]),
        .library(name: "SiltstoneTesting", targets: ["SiltstoneTesting"]),
        .executable(name: "silt", targets: ["silt"]),
        .executable(name: "silt-conformance", targets: ["silt-conformance"]),
    ],
    traits: [
        .trait(
            name: "TLS",
            description: "TLS and public keys of web tokens in the server and silt, by OpenSSL 3"),
        .default(enabledTraits: ["TLS"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.100.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        // L0: bytes and system libraries
        .target(name: "CSiltstone"),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        // only silt needs librdkafka: what is built on Siltstone does not
        .target(name: "CRdKafka", linkerSettings: [.linkedLibrary("rdkafka")]),
        // only the server and silt need OpenSSL, and they not without the trait TLS
        .target(
            name: "COpenSSL", cSettings: [.define("SILT_TLS", .when(traits: ["TLS"]))],
            linkerSettings: [
                .linkedLibrary("ssl", .when(traits: ["TLS"])),
                .linkedLibrary("crypto", .when(traits: ["TLS"])),
            ]),
        module("SiltBytes", ["CSiltstone"]),
        // L1: values
        module("SiltModel", ["SiltBytes"]),
        // L2: the outside world
        module("SiltIO", ["SiltModel", "SiltBytes", "CSiltstone"]),
        module("SiltCodec", ["SiltModel", "SiltBytes", "CSiltstone", "CLZ4", "CZlib", "CZstd"]),
        // L3: bytes <-> values of every persistent format
        module("SiltFormat", ["SiltCodec", "SiltModel", "SiltBytes", "CSiltstone"]),
        // L4: one LSM tree and what trees share; event time
        module(
            "SiltLSM",
            ["SiltFormat", "SiltCodec", "SiltIO", "SiltModel", "SiltBytes", "CSiltstone"]),
        module("SiltStream", ["SiltModel", "SiltBytes"]),
        // L5: tables; ingest
        module("SiltTable", ["SiltLSM", "SiltFormat", "SiltIO", "SiltModel", "SiltBytes"]),
        module(
            "SiltIngest",
            [
                "SiltStream", "SiltTable", "SiltFormat", "SiltCodec", "SiltIO", "SiltModel",
                "SiltBytes", "CSiltstone",
            ]),
        // L6: what users import
        module(
            "Siltstone",
            ["SiltIngest", "SiltTable", "SiltStream", "SiltIO", "SiltModel", "SiltBytes"]),
        // L7: programs and services on top
        module("SiltKafka", ["SiltIngest", "SiltModel", "CRdKafka"]),
        module(
            "SiltTLS", ["SiltModel", "COpenSSL", .product(name: "NIOCore", package: "swift-nio")]),
        module(
            "SiltWebHDFS",
            [
                "SiltIngest", "SiltIO", "SiltModel", "SiltBytes",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        module(
            "SiltstoneServer",
            [
                "Siltstone", "SiltIngest", "SiltTable", "SiltLSM", "SiltCodec", "SiltIO",
                "SiltModel", "SiltBytes", "SiltTLS",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Yams", package: "Yams"),
            ]),
        module(
            "SiltstoneTesting",
            ["Siltstone", "SiltTable", "SiltLSM", "SiltFormat", "SiltIO", "SiltModel", "SiltBytes"]),
        .executableTarget(
            name: "silt",
            dependencies: [
                "SiltstoneServer", "Siltstone", "SiltKafka", "SiltWebHDFS", "SiltIngest",
                "SiltTable",
                "SiltLSM",
                "SiltFormat", "SiltCodec", "SiltIO", "SiltModel",
                "SiltBytes", "SiltTLS",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "silt-conformance",
            dependencies: [
                "Siltstone", "SiltTable", "SiltStream", "SiltLSM", "SiltIO", "SiltModel",
                "SiltBytes",
            ],
            swiftSettings: settings),
        // tests, one target a module; ConventionTests hold the rules, SimulationTests crash the whole
        tests("SiltBytesTests", ["SiltBytes"]),
        tests("SiltModelTests", ["SiltModel", "SiltBytes"]),
        tests("SiltIOTests", ["SiltIO", "SiltModel", "SiltBytes"]),
        tests("SiltFormatTests", ["SiltFormat", "SiltCodec", "SiltModel", "SiltBytes"]),
        tests(
            "SiltLSMTests",
            ["SiltLSM", "SiltFormat", "SiltCodec", "SiltIO", "SiltModel", "SiltBytes"]),
        tests("SiltStreamTests", ["SiltStream", "SiltModel", "SiltBytes"]),
        tests(
            "SiltTableTests",
            ["SiltTable", "SiltLSM", "SiltFormat", "SiltIO", "SiltModel", "SiltBytes"]),
        tests(
            "SiltIngestTests",
            [
                "SiltIngest", "SiltStream", "SiltTable", "SiltLSM", "SiltFormat", "SiltCodec",
                "SiltIO", "SiltModel", "SiltBytes",
            ]),
        tests(
            "SiltKafkaTests",
            [
                "SiltKafka", "SiltIngest", "SiltTable", "SiltLSM", "SiltIO", "SiltModel",
                "SiltBytes", "CRdKafka",
            ]),
        tests(
            "SiltWebHDFSTests",
            [
                "SiltWebHDFS", "SiltIngest", "SiltTable", "SiltLSM", "SiltIO", "SiltModel",
                "SiltBytes",
            ]),
        tests("SiltstoneTests", ["Siltstone", "SiltModel", "SiltBytes"]),
        tests(
            "SiltstoneServerTests",
            [
                "SiltstoneServer", "Siltstone", "SiltTable", "SiltCodec", "SiltIO", "SiltModel",
                "SiltBytes", "SiltTLS",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests(
            "SimulationTests",
            [
                "SiltstoneTesting", "Siltstone", "SiltTable", "SiltLSM", "SiltFormat", "SiltIO",
                "SiltModel", "SiltBytes",
            ]),
        tests("CommandTests", ["SiltBytes", "CRdKafka", "silt"]),
        tests("ConventionTests", []),
    ]
)
