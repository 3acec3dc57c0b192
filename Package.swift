// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// A module of the package: what it may import is listed here and nowhere else.
func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "sojourn",
    products: [
        .executable(name: "sojourn", targets: ["sojourn"]),
        .executable(name: "sojourn-guest", targets: ["sojourn-guest"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // Free of Foundation, so that the guest's pid 1 can be linked statically.
        .target(name: "CSystem"),
        .target(name: "CGuestStart"),
        module("System", ["CSystem"]),
        module("GuestProtocol"),
        module("Archive"),

        module("GridModel"),
        module("StrictJSON"),
        module("StrictYAML", ["GridModel", yams]),
        module("ImageFormat", ["GridModel", "StrictJSON", "Archive", crypto]),
        module("ImageStore", ["ImageFormat", "GridModel", "StrictJSON", "System", crypto]),
        module("Trust", ["GridModel", "StrictJSON", crypto, cryptoExtras, asn1]),
        module("KeyStore", ["Trust", "ImageStore", "GridModel", "System"]),
        module("ImageTree", ["ImageFormat", "GridModel", "StrictJSON", "System", crypto]),
        module("Attestation", ["Trust", "ImageFormat", "GridModel", "StrictJSON", crypto]),
        module(
            "ImageFactory",
            [
                "Attestation", "Trust", "KeyStore", "ImageTree", "ImageStore", "ImageFormat", "Archive", "GridModel",
                "StrictJSON", "StrictYAML", "System", crypto,
            ]),
        module("Policy", ["GridModel"]),
        module("Control", ["GridModel"]),
        module("QEMU", ["GridModel", "StrictJSON", "System"]),
        module(
            "Machine",
            [
                "QEMU", "Control", "Policy", "ImageStore", "ImageFormat", "Archive", "GuestProtocol", "GridModel",
                "StrictJSON",
                "StrictYAML",
                "System",
            ]),
        module(
            "Commands",
            [
                "Machine", "QEMU", "Control", "Policy", "StrictYAML", "ImageFactory", "Attestation", "KeyStore",
                "Trust",
                "ImageStore", "ImageFormat", "GridModel", "StrictJSON", "System", arguments,
            ]),

        .executableTarget(
            name: "sojourn", dependencies: ["Commands"], swiftSettings: strict,
            // Not --static-swift-stdlib, which would take the tests' modules away: one build serves program and tests.
            linkerSettings: [
                .unsafeFlags(["-static-stdlib"]), .linkedLibrary("CoreFoundation"), .linkedLibrary("_FoundationICU"),
                .linkedLibrary("_FoundationCollections"), .linkedLibrary("_FoundationCShims"), .linkedLibrary("stdc++"),
            ]),
        .executableTarget(
            name: "sojourn-guest", dependencies: ["CGuestStart", "GuestProtocol", "Archive", "System"],
            swiftSettings: strict),

        .testTarget(
            name: "UnitTests",
            dependencies: [
                "Archive", "Attestation", "Commands", "Control", "GridModel", "GuestProtocol", "ImageFactory",
                "ImageFormat", "ImageStore", "ImageTree", "KeyStore", "Machine", "Policy", "QEMU", "StrictJSON",
                "StrictYAML", "System",
                "Trust",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "Attestation", "GridModel", "ImageFormat", "ImageStore", "Machine", "StrictJSON", "System", "Trust",
            ],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
