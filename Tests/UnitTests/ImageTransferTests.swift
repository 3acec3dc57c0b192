import Foundation
import StrictJSON
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageStore
@testable import Linux

/// Images on their way between homes. `skopeo` is the oracle.
@Suite struct ImageTransferTests {
    private let name = "lhc/pythia8:8.317.2@debian12"
    private let time = Timestamp(seconds: 77)

    /// Two homes and a directory for what goes between them.
    private func withStores(_ body: (_ from: ImageStore, _ to: ImageStore, _ directory: String) throws -> Void) throws {
        try ImageFixture.withDirectory { directory in
            let stores = try ["a", "b"].map { try ImageStore(home: try Home(at: "\(directory)/\($0)")) }
            try body(stores[0], stores[1], "\(directory)/out")
        }
    }

    private func stage(of store: ImageStore) -> Bool { FileManager.default.fileExists(atPath: store.importStaging) }

    @Test func whatIsExportedIsImportedWithTheSameDigests() throws {
        try withStores { from, to, directory in
            let kernel = try ImageFixture.addKernel(from)
            let image = try ImageFixture.addImage(from, name, kernel: kernel)
            let said = try from.attach(
                Array("{}".utf8), mediaType: MediaType.envelope, artifactType: MediaType.envelope, to: image,
                annotations: [Annotation.predicateType: "https://example.org/p"])
            try from.attach([9], mediaType: MediaType.spdx, artifactType: MediaType.spdx, to: kernel)
            let first = try from.export(try from.artifact(reference: name), to: directory)
            #expect(first.copied == first.files && first.copiedBytes > 3 * 4096)
            #expect(try from.export(try from.artifact(reference: name), to: directory).copied == 0)

            let inspected = try ImageFixture.run(["skopeo", "inspect", "oci:\(directory):\(name)"])
            #expect(inspected.status == 0 && inspected.text.contains(image.description), "\(inspected.text)")

            let result = try to.importLayout(directory, nil, at: time)
            #expect(result.items.map(\.digest) == [kernel, image] && result.skipped.isEmpty)
            #expect(result.items.allSatisfy { $0.isNew && $0.isNewest })
            #expect(try to.image(reference: name).digest == image)
            #expect(try to.kernel(of: to.image(reference: name)).digest == kernel)
            #expect(try to.referrers(of: image) == from.referrers(of: image))
            #expect(try to.referrers(of: image).map(\.digest) == [said])
            #expect(try to.referrers(of: kernel).count == 1)
            #expect(try to.verify(nil).faults.isEmpty && !stage(of: to))
            let again = try to.importLayout(directory, name, at: time)
            #expect(again.sum.copied == 0 && again.items.allSatisfy { !$0.isNew && $0.isNewest })
            #expect(try to.artifacts().count == 2)
            #expect(try to.collectGarbage(olderThan: .zero, now: Timestamp(seconds: 1 << 40)) == Garbage())
        }
    }

    @Test func whatSkopeoCopiedIsTaken() throws {
        try withStores { from, to, directory in
            let kernel = try ImageFixture.addKernel(from)
            let image = try ImageFixture.addImage(from, name, kernel: kernel)
            // Its layout tells no artifact type.
            for reference in ["kernel-test", name] {
                let copied = try ImageFixture.run([
                    "skopeo", "copy", "-q", "oci:\(from.home.images):\(reference)", "oci:\(directory):\(reference)",
                ])
                #expect(copied.status == 0, "\(copied.text)")
            }
            #expect(try to.importLayout(directory, name, at: time).items.map(\.digest) == [kernel, image])
        }
    }

    @Test func aLayoutOfOthersIsAddedToAndKept() throws {
        try withStores { from, _, directory in
            let kernel = try ImageFixture.addKernel(from)
            let image = try ImageFixture.addImage(from, "@debian12", kernel: kernel)
            try from.attach([1], mediaType: MediaType.spdx, artifactType: MediaType.spdx, to: image)
            let artifact = try from.artifact(reference: "@debian12")
            _ = try from.export(artifact, to: directory)
            // Others know of another image of that name, and another thing to say.
            let path = "\(directory)/index.json"
            let other: JSONValue = [
                "mediaType": .string(MediaType.imageManifest), "size": 3,
                "digest": .string("sha256:" + String(repeating: "a", count: 64)),
                "platform": ["os": "linux"], "annotations": ["org.opencontainers.image.ref.name": "other"],
            ]
            var entries = try #require(try json(path)["manifests"]?.array)
            entries.append(other)
            try write(["schemaVersion": 2, "manifests": .array(entries)], to: path)
            try from.attach([2], mediaType: MediaType.spdx, artifactType: MediaType.spdx, to: image)
            _ = try from.export(artifact, to: directory)
            let after = try #require(try json(path)["manifests"]?.array)
            #expect(after.contains(other))
            let tags = after.compactMap { $0["annotations"]?["org.opencontainers.image.ref.name"]?.string }
            #expect(tags.sorted() == ["kernel-test", "os/debian12", "other", "sha256-\(image.hex)"])
            let layout = try ImageLayout(reading: directory)
            let tag = try #require(try layout.index().first { $0.isReferrers(of: image) })
            #expect(try layout.referrers(tag) == from.referrers(of: image))
            // A newer one takes the name, and the older stays.
            let new = try ImageFixture.addImage(from, "@debian12", kernel: kernel, seed: 8)
            _ = try from.export(try from.artifact(reference: "@debian12"), to: directory)
            let named = try json(path)["manifests"]?.array?.filter {
                $0["annotations"]?["org.opencontainers.image.ref.name"]?.string == "os/debian12"
            }
            #expect(named?.compactMap { $0["digest"]?.string } == [new.description])
            #expect(try layout.index().contains { $0.digest == image })
        }
    }

    @Test func anExportMendsWhatAnEarlierOneLeft() throws {
        try withStores { from, to, directory in
            let kernel = try ImageFixture.addKernel(from)
            let image = try ImageFixture.addImage(from, name, kernel: kernel)
            let artifact = try from.artifact(reference: name)
            _ = try from.export(artifact, to: directory)
            let layer = try from.image(reference: name).layers[0]
            let blobs = "\(directory)/blobs/sha256"
            try Data([1, 2]).write(to: URL(fileURLWithPath: "\(blobs)/\(layer.filesystem.digest.hex).tmp"))
            try Data([1, 2]).write(to: URL(fileURLWithPath: "\(blobs)/\(layer.filesystem.digest.hex)"))
            try FileManager.default.removeItem(atPath: "\(blobs)/\(layer.tree.digest.hex)")
            #expect(try from.export(artifact, to: directory).copied == 2)
            #expect(try FileManager.default.contentsOfDirectory(atPath: blobs).allSatisfy { $0.count == 64 })
            #expect(try to.importLayout(directory, String(image.hex.prefix(8)), at: time).items.count == 2)
        }
    }

    @Test func anExportGoesIntoALayoutOrAnEmptyDirectory() throws {
        try withStores { from, _, directory in
            let kernel = try from.artifact(reference: ImageFixture.addKernel(from).description)
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try Data([1]).write(to: URL(fileURLWithPath: "\(directory)/mine"))
            for target in [directory, from.home.images] {
                #expect(throws: ImageStoreError(.unsuitableLayout, "")) { try from.export(kernel, to: target) }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["mine"])
        }
    }

    @Test func theNameKeepsMeaningTheImageOfYoungerPackages() throws {
        try withStores { from, to, _ in
            let kernel = try ImageFixture.addKernel(from)
            _ = try to.importLayout(from.home.images, nil, at: time)
            func add(_ created: Int64, to store: ImageStore) throws -> GridModel.Digest {
                var image = HandmadeImage(try Environment(parsing: name), kernel: kernel)
                image.created = Timestamp(seconds: created)
                return try image.add(to: store)
            }
            let home = try add(100, to: to)
            let older = try add(50, to: from)
            #expect(try to.importLayout(from.home.images, older.description, at: time).items.last?.isNewest == false)
            #expect(try to.digest(of: name) == home)
            let younger = try add(200, to: from)
            #expect(try to.importLayout(from.home.images, nil, at: time).items.last?.isNewest == true)
            #expect(try to.digest(of: name) == younger)
            #expect(try to.images().count == 3)
        }
    }

    @Test func anImportMendsADamagedBlobOfTheHome() throws {
        try withStores { from, to, _ in
            let kernel = try ImageFixture.addKernel(from)
            try ImageFixture.addImage(from, name, kernel: kernel)
            _ = try to.importLayout(from.home.images, nil, at: time)
            let layer = try to.image(reference: name).layers[0].filesystem
            try FileManager.default.removeItem(atPath: to.path(of: layer.digest))
            try Data([1]).write(to: URL(fileURLWithPath: to.path(of: layer.digest)))
            #expect(try to.verify(nil).faults.count == 1)
            #expect(try to.importLayout(from.home.images, nil, at: time).sum.copied == 1)
            #expect(try to.verify(nil).faults.isEmpty)
        }
    }

    @Test func anInterruptedImportIsTakenUpAgainOrCollected() throws {
        try withStores { from, to, _ in
            let kernel = try ImageFixture.addKernel(from)
            try ImageFixture.addImage(from, name, kernel: kernel)
            let layer = try from.image(reference: name).layers[0].filesystem
            func leave() throws {
                let staged = try ImageStore(home: try Home(at: to.importStaging))
                for suffix in ["", ".tmp"] {
                    try FileManager.default.copyItem(
                        atPath: from.path(of: layer.digest), toPath: staged.path(of: layer.digest) + suffix)
                }
            }
            try leave()
            let later = Timestamp(seconds: Int64(Date().timeIntervalSince1970) + 90)
            #expect(try to.collectGarbage(olderThan: .seconds(100), now: later).files == 0 && stage(of: to))
            #expect(try to.collectGarbage(olderThan: .seconds(60), now: later).files == 2 && !stage(of: to))
            try leave()
            let result = try to.importLayout(from.home.images, nil, at: time)
            #expect(result.sum.copied == result.sum.files - 1 && !stage(of: to))
            #expect(try to.verify(nil).faults.isEmpty)
        }
    }

    @Test func inputsAreExportedWithLockAndRecipes() throws {
        try withStores { from, _, directory in
            let kernel = try ImageFixture.addKernel(from)
            var image = HandmadeImage(try Environment(parsing: name), kernel: kernel)
            var sparse = [UInt8](repeating: 0, count: 8 << 20)
            sparse.replaceSubrange(5 << 20..<5 << 20 + 3, with: [1, 2, 3])
            let digests = try [Array("a".utf8), sparse].map { try ImageFixture.addInput(from.home, $0) }
            let punched = try Descriptor.createSparse("\(from.home.inputBlobs)/\(digests[1].hex)", bytes: 8 << 20)
            #expect(try retrying("write") { pwrite(punched.raw, [1, 2, 3] as [UInt8], 3, 5 << 20) } == 3)
            image.documents.lock.layers[0].files = [Lock.File(source: "a", digest: digests[0], size: 1)]
            image.documents.lock.layers[0].snapshots = [Lock.Snapshot(source: "s", digest: digests[1], size: 8 << 20)]
            _ = try image.add(to: from)
            let artifact = try from.artifact(reference: name)
            #expect(
                try from.exportInputs(of: artifact, to: directory)
                    == TransferSum(files: 2, copied: 2, copiedBytes: 8 << 20 + 1))
            #expect(try Files.read("\(directory)/sha256/\(digests[1].hex)", limit: 9 << 20) == sparse)
            #expect(try BlobCopy.allocated("\(directory)/sha256/\(digests[1].hex)") < 1 << 20)
            #expect(
                try Lock(decoding: Files.read("\(directory)/lock.json", limit: 1 << 20), source: "x")
                    == from.lock(of: artifact))
            let recipe = try Files.read("\(directory)/recipes/lhc~pythia8=8.317.2@debian12.yaml", limit: 1 << 20)
            #expect(try from.recipes(of: artifact) == [recipe])
            #expect(try from.exportInputs(of: artifact, to: directory).copied == 0)
            // The directory is of one lock.
            let other = try from.artifact(reference: "kernel-test")
            #expect(throws: ImageStoreError(.inUse, "")) { try from.exportInputs(of: other, to: directory) }
            try FileManager.default.removeItem(atPath: "\(from.home.inputBlobs)/\(digests[0].hex)")
            let fault = try #require(throws: ImageStoreError.self) {
                try from.exportInputs(of: artifact, to: "\(directory)2")
            }
            #expect(fault.code == .missingInput && fault.message.contains("image rebuild \(artifact.digest)"))
            #expect(!FileManager.default.fileExists(atPath: "\(directory)2"))
        }
    }

    private func json(_ path: String) throws -> JSONValue {
        try StrictJSON.decode(JSONValue.self, from: try Files.read(path, limit: 1 << 20), source: path)
    }

    private func write(_ value: JSONValue, to path: String) throws {
        try Files.write(try StrictJSON.encode(value), to: path)
    }
}
