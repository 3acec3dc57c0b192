// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// `make fuzz` sets it: modules are then compiled for libFuzzer, and the program that runs it is there too.
let isFuzzing = Context.environment["SOJOURN_FUZZ"] != nil
let fuzzer: [SwiftSetting] = isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer"])] : []

/// A module of the package: what it may import is listed here and nowhere else.
func module(_ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil) -> Target {
    .target(name: name, dependencies: dependencies, path: path, swiftSettings: strict + fuzzer)
}

/// A program of the host: one call into Commands.
func program(_ name: String) -> Target {
    .executableTarget(
        name: name, dependencies: ["Commands"], swiftSettings: strict,
        // Not --static-swift-stdlib, which would take the tests' modules away: one build serves programs and tests.
        linkerSettings: [
            .unsafeFlags(["-static-stdlib"]), .linkedLibrary("CoreFoundation"), .linkedLibrary("_FoundationICU"),
            .linkedLibrary("_FoundationCollections"), .linkedLibrary("_FoundationCShims"), .linkedLibrary("stdc++"),
        ])
}

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let httpClient: [Target.Dependency] = [
    .product(name: "AsyncHTTPClient", package: "async-http-client"),
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
]
let httpServer: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "sojourn",
    products: [
        .executable(name: "sojourn", targets: ["sojourn"]),
        .executable(name: "sojourn-tuf", targets: ["sojourn-tuf"]),
        .executable(name: "sojourn-guest", targets: ["sojourn-guest"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // Free of Foundation, so that the guest's pid 1 can be linked statically.
        .target(name: "CLinux"),
        .target(name: "CGuestStart"),
        module("Linux", ["CLinux"]),
        module("GuestProtocol"),
        module("Archive"),

        module("GridModel"),
        module("StrictJSON"),
        module("StrictYAML", ["GridModel", yams]),
        module("ImageFormat", ["GridModel", "StrictJSON", "Archive", crypto]),
        module("ImageStore", ["ImageFormat", "GridModel", "StrictJSON", "Linux", crypto]),
        module("BlockServer", ["ImageStore", "GridModel", "Linux"]),
        module("Trust", ["GridModel", "StrictJSON", crypto, cryptoExtras, asn1]),
        module("KeyStore", ["Trust", "ImageStore", "GridModel", "Linux"]),
        module("ImageTree", ["ImageFormat", "GridModel", "StrictJSON", "Linux", crypto]),
        module("Attestation", ["Trust", "ImageFormat", "GridModel", "StrictJSON", crypto]),
        module(
            "ImageFactory",
            [
                "Attestation", "Trust", "KeyStore", "ImageTree", "ImageStore", "ImageFormat", "Archive", "GridModel",
                "StrictJSON", "StrictYAML", "Linux", crypto,
            ]),
        module("ImageLists", ["GridModel", "StrictJSON", "Linux", crypto]),
        module("Policy", ["GridModel"]),
        module("Settings", ["Policy", "ImageStore", "GridModel", "StrictYAML", "Linux"]),
        module("HTTPTransport", httpClient),
        module("HTTPServer", httpServer + ["Linux"]),
        module(
            "Distribution",
            [
                "Settings", "HTTPServer", "HTTPTransport", "ImageLists", "Attestation", "ImageStore", "ImageFormat",
                "KeyStore", "Policy",
                "Trust",
                "GridModel", "StrictJSON", "Linux", crypto,
            ]),
        module("Registry", ["HTTPTransport", "ImageStore", "ImageFormat", "GridModel", "StrictJSON", "Linux"]),
        module("Control", ["GridModel"]),
        module("QEMU", ["GridModel", "StrictJSON", "Linux"]),
        module(
            "Machine",
            [
                "BlockServer", "QEMU", "Settings", "Control", "Policy", "ImageStore", "ImageFormat", "Archive",
                "GuestProtocol",
                "GridModel", "StrictJSON", "Linux",
            ]),
        module(
            "Commands",
            [
                "BlockServer", "Distribution", "HTTPServer", "HTTPTransport", "ImageLists", "Registry", "Machine",
                "QEMU", "Settings", "Control",
                "Policy",
                "StrictYAML", "ImageFactory", "Attestation", "KeyStore",
                "Trust",
                "ImageStore", "ImageFormat", "GridModel", "StrictJSON", "Linux", arguments,
            ]),

        program("sojourn"),
        program("sojourn-tuf"),
        .executableTarget(
            name: "sojourn-guest", dependencies: ["CGuestStart", "GuestProtocol", "Archive", "Linux"],
            swiftSettings: strict),

        module(
            "FuzzTargets",
            [
                "Archive", "Attestation", "BlockServer", "Commands", "Distribution", "GridModel", "GuestProtocol",
                "HTTPServer", "Linux",
                "HTTPTransport", "ImageFactory", "ImageFormat", "ImageLists", "Policy", "Registry", "Settings",
                "StrictJSON",
                "StrictYAML", "Trust",
            ],
            path: "Fuzz/Targets"),

        .testTarget(
            name: "UnitTests",
            dependencies: [
                "Archive", "Attestation", "Commands", "Settings", "Control", "Distribution", "FuzzTargets", "GridModel",
                "GuestProtocol", "HTTPServer", "HTTPTransport",
                "ImageFactory",
                "ImageFormat", "ImageLists", "ImageStore", "ImageTree", "KeyStore", "Machine", "Policy", "QEMU",
                "Registry",
                "StrictJSON",
                "StrictYAML", "Linux",
                "Trust",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "Attestation", "Distribution", "GridModel", "HTTPServer", "HTTPTransport", "ImageFormat", "ImageLists",
                "ImageStore",
                "Machine", "StrictJSON",
                "Linux", "Trust",
            ],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)

if isFuzzing {
    package.products.append(.executable(name: "sojourn-fuzz", targets: ["sojourn-fuzz"]))
    package.targets += [
        .target(name: "CFuzzer", path: "Fuzz/CFuzzer"),
        .executableTarget(
            name: "sojourn-fuzz", dependencies: ["CFuzzer", "FuzzTargets"], path: "Fuzz/Program", swiftSettings: strict,
            // gold, which is the default, fails in reading these objects (binutils 2.40).
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]),
    ]
}
