import Foundation
import GridModel
import ImageFormat
import StrictJSON
import Testing
import Trust

@testable import Attestation

/// The tools that others read our documents with must agree with them.
@Suite struct AttestationTests {
    private static let image = ImageFacts.Artifact(name: "lhc/odd:1.0@debian12", digest: digest(1))
    private static let kernel = ImageFacts.Artifact(name: "kernel-debian12", digest: digest(2))

    private static func digest(_ seed: UInt8) -> Digest { Digest(bytes: [UInt8](repeating: seed, count: 32)) }

    private static func packages() -> [InstalledPackage] {
        let named: [(InstalledPackage.Kind, String, String, String?, String?)] = [
            (.deb, "libstdc++6", "12.2.0-14+deb12u1", "amd64", nil), (.deb, "login", "1:4.13+dfsg1-1+b1", "amd64", nil),
            (.deb, "g++", "4:12~rc1", "all", nil), (.pypi, "Odd.Name_x", "1.0+local", nil, "mit"),
            (.apk, "musl", "1.2.5-r0", "x86_64", "MIT AND (BSD-2-Clause OR GPL-2.0-or-later WITH GCC-exception-3.1)"),
            (.rpm, "perl-PathTools", "0:3.78-461.el9", "x86_64", "GPL+ or Artistic"),
            (.rpm, "filesystem", "3.16-5.el9", nil, "see \"COPYING\" \\ ü"),
        ]
        return named.map { type, name, version, architecture, licence in
            var package = InstalledPackage(type: type, name: name, version: version, architecture: architecture)
            package.licence = licence
            package.source = "source"
            return package
        }
    }

    private static func facts() throws -> ImageFacts {
        var layer = Lock.Layer(name: image.name, recipe: digest(3), time: Timestamp(seconds: 1_700_000_000))
        layer.packages = [
            Lock.Package(name: "login", version: "1:4.13+dfsg1-1+b1", architecture: "amd64", digest: digest(4), size: 1)
        ]
        layer.wheels = [
            Lock.Wheel(
                name: "odd-name-x", version: "1.0+local", file: "Odd.Name_x-1.0+local-py3-none-any.whl",
                digest: digest(5), size: 1)
        ]
        layer.files = [Lock.File(source: "setup.sh", digest: digest(6), size: 1)]
        layer.snapshots = [Lock.Snapshot(source: "/build/a b", digest: digest(7), size: 1)]
        layer.container = Lock.Container(
            reference: "oci:images/analysis:1", manifest: digest(8),
            blobs: [Lock.Input(name: "manifest", digest: digest(8), size: 1)])
        let lists = [MediaType.lock, MediaType.packages, MediaType.files].enumerated().map { index, type in
            OCIDescriptor(mediaType: type, digest: digest(UInt8(20 + index)), size: 1)
        }
        let manifest = OCIManifest(artifactType: MediaType.image, config: lists[0], layers: lists)
        var facts = ImageFacts(
            image, manifest: manifest,
            lock: Lock(kernel: Lock.Kernel(name: kernel.name, digest: kernel.digest, inputs: layer), layers: [layer]),
            packages: PackageList(distribution: "debian", packages: packages()))
        facts.environment = try Environment(parsing: image.name)
        facts.licence = "CC0-1.0"
        facts.base = ImageFacts.Artifact(name: "os/debian12", digest: digest(9))
        return facts
    }

    /// Runs the oracle and returns what it said.
    private func oracle(_ arguments: [String], input: String = "", status: Int32 = 0) throws -> String {
        let variables = ProcessInfo.processInfo.environment
        let python = try #require(variables["SOJOURN_TEST_PYTHON"], "run the tests by 'make test'")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Scripts/test-tools/attestation-oracle.py")
        let running = try Running(
            program: python, arguments: [script.path] + arguments, directory: nil, input: input, environment: [:])
        let result = try running.finish(within: .seconds(120))
        #expect(result.status == status, "\(result.error)")
        return status == 0 ? result.output : result.error
    }

    private func json(_ text: String) throws -> JSONValue {
        try StrictJSON.decode(JSONValue.self, from: Array(text.utf8), source: "oracle")
    }

    @Test func spdxToolsFindNothingWrong() throws {
        let scratch = try Scratch()
        let file = scratch.url.appending(path: "image.spdx.json")
        let paths = ["bin/run", "a \"quoted\" \\ name\n", "share/ü"]
        var document = Data()
        try SPDXDocument(try Self.facts(), version: "0.1.0").write(
            files: { _ in
                var rest = paths[...]
                return {
                    rest.popFirst().map {
                        SnapshotFile(path: $0, sha1: String(repeating: "01", count: 20), digest: Self.digest(1))
                    }
                }
            }, to: { document.append(contentsOf: $0) })
        try document.write(to: file)
        let read = try json(try oracle(["spdx", file.path]))
        // The image, the installed packages, a snapshot and a container image.
        #expect(read["packages"]?.int == Int64(Self.packages().count + 3))
        #expect(read["urls"]?.int == Int64(Self.packages().count))
        #expect(read["files"]?.int == Int64(paths.count))
        #expect(read["created"]?.string == "2023-11-14T22:13:20Z")
    }

    @Test(arguments: KeyType.allCases) func securesystemslibAndInTotoReadProvenance(type: KeyType) throws {
        let key = PrivateKey.generate(type)
        let run = BuildRun(
            identifier: "run", started: Timestamp(seconds: 1_700_000_000), finished: Timestamp(seconds: 1_700_000_001),
            tools: ["erofs-utils": "1.5"])
        let provenance = Provenance(of: try Self.facts(), run: run, builder: key.publicKey.id, version: "0.1.0")
        let read = try judge(Statement(about: Self.image, provenance), key)
        #expect(read["predicateType"]?.string == "https://slsa.dev/provenance/v1")
        // Base, kernel, recipe, package, wheel, file, snapshot, container; three by-products.
        #expect(read["descriptors"]?.int == 11)
        #expect(read["predicate"]?["runDetails"]?["metadata"]?["startedOn"]?.string == "2023-11-14T22:13:20Z")
    }

    @Test func securesystemslibAndInTotoReadCheckResults() throws {
        let setting = CheckResult.Setting(
            image: Self.image, kernel: Self.kernel, accelerator: "kvm", time: Timestamp(seconds: 1_700_000_000),
            program: "0.1.0")
        let result = CheckResult(.failed, passed: ["true", "echo \"ü\""], failed: ["false"], in: setting)
        let read = try judge(Statement(about: Self.image, result), .generate(.ed25519))
        #expect(read["predicate"]?["result"]?.string == "FAILED")
        #expect(read["predicate"]?["passedTests"]?.array == ["true", "echo \"ü\""])
        #expect(read["descriptors"]?.int == 2)
    }

    @Test func theOracleSeesFaults() throws {
        let scratch = try Scratch()
        let setting = CheckResult.Setting(
            image: Self.image, kernel: Self.kernel, accelerator: "kvm", time: Timestamp(seconds: 0), program: "0.1.0")
        let statement = Statement(about: Self.image, CheckResult(.passed, passed: [], failed: [], in: setting))
        let envelope = try statement.envelope(signedBy: .generate(.ed25519)).encoded()
        try scratch.write(String(decoding: envelope, as: UTF8.self), to: "statement.json")
        try scratch.write(PrivateKey.generate(.ed25519).publicKey.pem, to: "key.pem")
        let names = ["statement.json", "key.pem"].map { scratch.url.appending(path: $0).path }
        #expect(try oracle(["envelope"] + names, status: 1).contains("do not match threshold"))
        let document =
            #"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"x","dataLicense":"CC0-1.0","#
            + #""documentNamespace":"no uri","creationInfo":{"created":"2023-11-14T22:13:20Z","creators":["Tool: x"]}}"#
        try scratch.write(document, to: "bad.spdx.json")
        let said = try oracle(["spdx", scratch.url.appending(path: "bad.spdx.json").path], status: 1)
        #expect(said.contains("document_namespace must be a valid URI"))
    }

    @Test func spdxToolsKnowEveryLicenceThatWeDo() throws {
        let expressions = LicenceList.licences.values.sorted() + LicenceList.exceptions.values.map { "MIT WITH \($0)" }
        let answers = try oracle(["licences"], input: expressions.joined(separator: "\n") + "\n").split(separator: "\n")
        #expect(answers.count == expressions.count)
        #expect(zip(expressions, answers).filter { $1 != "yes" }.map(\.0) == [])
    }

    private func judge(_ statement: Statement<some StatementPredicate>, _ key: PrivateKey) throws -> JSONValue {
        let scratch = try Scratch()
        let file = scratch.url.appending(path: "statement.json")
        let publicKey = scratch.url.appending(path: "key.pem")
        try Data(try statement.envelope(signedBy: key).encoded()).write(to: file)
        try Data(key.publicKey.pem.utf8).write(to: publicKey)
        let read = try json(try oracle(["envelope", file.path, publicKey.path]))
        #expect(read["subjects"]?.array == [["sha256": .string(Self.image.digest.hex)]])
        return read
    }
}
