// swift-tools-version: 6.2
import PackageDescription

// The parts under `Sources` are those of the repository, built here once more: what they show to each
// other is for one package only, and users of the library must not build benchmarks.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]

func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
    name: "siltstone-micro",
    targets: [
        .target(name: "CSiltstone"),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd"),
        module("SiltBytes", ["CSiltstone"]),
        module("SiltModel", ["SiltBytes"]),
        module("SiltIO", ["SiltModel", "SiltBytes", "CSiltstone"]),
        module("SiltCodec", ["SiltModel", "SiltBytes", "CLZ4", "CZlib", "CZstd"]),
        module("SiltFormat", ["SiltCodec", "SiltModel", "SiltBytes", "CSiltstone"]),
        module(
            "SiltLSM",
            ["SiltFormat", "SiltCodec", "SiltIO", "SiltModel", "SiltBytes", "CSiltstone"]),
        .executableTarget(
            name: "micro",
            dependencies: [
                "SiltLSM", "SiltFormat", "SiltCodec", "SiltIO", "SiltModel", "SiltBytes",
            ],
            path: "Micro", swiftSettings: settings),
    ])
