import Testing

@testable import Attestation
@testable import GridModel
@testable import ImageFormat
@testable import StrictJSON
@testable import Trust

/// An image that nobody built, with all that a document may have to say.
enum AttestationFixture {
    static func digest(_ seed: UInt8) -> Digest { Digest(bytes: [UInt8](repeating: seed, count: 32)) }

    static let name = "lhc/pythia8:8.317.2@debian12"
    static let image = ImageFacts.Artifact(name: name, digest: digest(1))
    static let kernel = ImageFacts.Artifact(name: "kernel-debian12", digest: digest(2))
    static let base = ImageFacts.Artifact(name: "os/debian12", digest: digest(3))

    static func installed(
        _ type: InstalledPackage.Kind, _ name: String, _ version: String, _ architecture: String? = nil,
        source: String? = nil, licence: String? = nil
    ) -> InstalledPackage {
        var package = InstalledPackage(type: type, name: name, version: version, architecture: architecture)
        package.source = source
        package.licence = licence
        return package
    }

    static let packages: [InstalledPackage] = [
        installed(.deb, "libstdc++6", "12.2.0-14+deb12u1", "amd64", source: "gcc-12"),
        installed(.deb, "login", "1:4.13+dfsg1-1+b1", "amd64"),
        installed(.deb, "tzdata", "2024a~0+deb12u1", "all"),
        installed(.deb, "libc6", "2.36-9", "amd64"), installed(.deb, "libc6", "2.36-9", "i386"),
        installed(.pypi, "pythia8", "8.317.2", licence: "gpl-2.0-or-later"),
        installed(.pypi, "odd-one", "1.0+local", licence: "see the file COPYING"),
    ]

    static func lock() -> Lock {
        var system = Lock.Layer(name: "os/debian12", recipe: digest(10), time: Timestamp(seconds: 1_700_000_000))
        system.packages = [
            Lock.Package(
                name: "libstdc++6", version: "12.2.0-14+deb12u1", architecture: "amd64", digest: digest(11), size: 1),
            Lock.Package(
                name: "login", version: "1:4.13+dfsg1-1+b1", architecture: "amd64", digest: digest(12), size: 2),
            Lock.Package(name: "libc6", version: "2.36-9", architecture: "i386", digest: digest(13), size: 3),
        ]
        var software = Lock.Layer(name: name, recipe: digest(20), time: Timestamp(seconds: 1_700_000_060))
        software.wheels = [
            Lock.Wheel(
                name: "Pythia8", version: "8.317.2", file: "pythia8-8.317.2-cp311-cp311-manylinux_2_28_x86_64.whl",
                digest: digest(21), size: 4)
        ]
        software.files = [Lock.File(source: "setup.sh", digest: digest(22), size: 5)]
        software.snapshots = [
            Lock.Snapshot(source: "/build/server", digest: digest(23), size: 6),
            Lock.Snapshot(source: "empty.tar", digest: digest(24), size: 7),
            Lock.Snapshot(source: "third", digest: digest(25), size: 8),
        ]
        software.container = Lock.Container(
            reference: "oci:images/analysis:1", manifest: digest(26),
            blobs: [
                Lock.Input(name: "manifest", digest: digest(26), size: 9),
                Lock.Input(name: "layer 1", digest: digest(27), size: 10),
            ])
        return Lock(
            kernel: Lock.Kernel(name: kernel.name, digest: kernel.digest, inputs: system), layers: [system, software])
    }

    static func facts(packages: [InstalledPackage] = packages) throws -> ImageFacts {
        func blob(_ mediaType: String, _ seed: UInt8, layer: String? = nil) -> OCIDescriptor {
            OCIDescriptor(
                mediaType: mediaType, digest: digest(seed), size: 1,
                annotations: layer.map { [Annotation.layerName: $0] })
        }
        let manifest = OCIManifest(
            artifactType: MediaType.image, config: blob(MediaType.imageConfiguration, 30),
            layers: [
                blob(MediaType.layer, 31, layer: "system"), blob(MediaType.files, 32, layer: "system"),
                blob(MediaType.recipe, 10), blob(MediaType.recipe, 20), blob(MediaType.lock, 33),
                blob(MediaType.packages, 34),
            ])
        var configuration = ImageConfiguration(
            architecture: "amd64", created: lock().time, environment: try Environment(parsing: name), variables: [],
            layers: [digest(31)], kernel: kernel.digest, systemName: "Debian", needs: ImageNeeds())
        configuration.licence = "GPL-2.0-or-later AND (MIT OR BSD-3-Clause)"
        var facts = ImageFacts(
            configuration, digest: image.digest, manifest: manifest, lock: lock(),
            packages: PackageList(distribution: "debian", packages: packages))
        facts.base = base
        return facts
    }

    static let paths = ["bin/run", "a name with \"quotes\", \\ and \u{1}", "share/ü.txt"]

    /// Three files, none, one.
    static func files(of snapshot: Lock.Snapshot) -> SPDXDocument.FileSource {
        let paths = [digest(23): paths, digest(25): ["last"]][snapshot.digest] ?? []
        let sha1 = String(repeating: "07", count: 20)
        var rest = paths.map { SnapshotFile(path: $0, sha1: sha1, digest: digest(8)) }[...]
        return { rest.popFirst() }
    }

    static func document(_ facts: ImageFacts) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try SPDXDocument(facts, version: "0.1.0").write(files: files(of:)) { bytes += $0 }
        return bytes
    }

    static func json(_ bytes: [UInt8]) throws -> JSONValue {
        try StrictJSON.decode(JSONValue.self, from: bytes, source: "document")
    }

    static let run = BuildRun(
        identifier: "run-1", started: Timestamp(seconds: 1_700_000_100), finished: Timestamp(seconds: 1_700_000_160),
        tools: ["erofs-utils": "1.5"])

    static let result = CheckResult(
        .failed, passed: ["python3 -c 'import pythia8'"], failed: ["false"],
        in: CheckResult.Setting(
            image: image, kernel: kernel, accelerator: "tcg", time: Timestamp(seconds: 1_700_000_200), program: "0.1.0")
    )
}
