import Foundation
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageStore
@testable import Linux

@Suite struct ImageStoreTests {
    private func error(_ body: () throws -> Any) throws -> ImageStoreError {
        try #require(throws: ImageStoreError.self) { _ = try body() }
    }

    @Test func newestImageOfAnEnvironmentIsMeant() throws {
        try ImageFixture.withStore { store in
            let kernel = try ImageFixture.addKernel(store)
            let old = try ImageFixture.addImage(store, "@debian12", kernel: kernel, seed: 1)
            let new = try ImageFixture.addImage(store, "@debian12", kernel: kernel, seed: 2)
            let environment = try Environment(parsing: "os/debian12")
            #expect(try store.image(for: environment)?.digest == new)
            for reference in ["@debian12", "debian12", "os/debian12"] {
                #expect(try store.image(reference: reference).digest == new)
            }
            #expect(try store.artifact(reference: "kernel-test").name == "kernel-test")
            #expect(try store.image(reference: old.description).digest == old)
            #expect(try store.image(reference: String(old.hex.prefix(8))).isNewest == false)
            #expect(try store.images().map(\.digest) == [old, new])
            #expect(try store.kernel(of: store.image(reference: "os/debian12")).digest == kernel)
            #expect(try store.image(for: Environment(parsing: "@debian13")) == nil)
        }
    }

    @Test func unknownReferencesNameTheNearest() throws {
        try ImageFixture.withStore { store in
            let kernel = try ImageFixture.addKernel(store)
            try ImageFixture.addImage(store, "lhc/pythia8:8.317.2@debian12", kernel: kernel)
            let typo = try error { try store.image(reference: "lhc/pythia:8.317.2@debian12") }
            #expect(typo.code == .unknownReference && typo.message.contains("lhc/pythia8:8.317.2@debian12"))
            #expect(try error { try store.image(reference: "0123456789abcdef") }.message.contains("0123456789abcdef"))
            // A kernel is no image.
            #expect(try error { try store.image(reference: kernel.description) }.code == .unknownReference)
        }
    }

    @Test func ambiguousPrefixNamesBoth() throws {
        try ImageFixture.withStore { store in
            let path = "\(store.home.images)/index.json"
            let same = String(repeating: "a", count: 60)
            let entries = try ["0001", "0002"].map {
                OCIDescriptor(
                    mediaType: MediaType.imageManifest, digest: try Digest(parsing: "sha256:\(same)\($0)"), size: 1,
                    artifactType: MediaType.image)
            }
            try JSONEncoder().encode(OCIIndex(manifests: entries)).write(to: URL(fileURLWithPath: path))
            let fault = try error { try store.image(reference: "aaaaaaaa") }
            #expect(fault.code == .ambiguousReference)
            #expect(entries.allSatisfy { fault.message.contains($0.digest.description) })
        }
    }

    @Test func corruptedBlobIsNamedInFull() throws {
        try ImageFixture.withStore { store in
            let kernel = try ImageFixture.addKernel(store)
            try ImageFixture.addImage(store, "@debian12", kernel: kernel)
            let layer = try store.image(reference: "@debian12").layers[0].filesystem
            let path = store.path(of: layer.digest)
            #expect(try store.openVerified([layer, layer], of: "os/debian12").count == 2)
            #expect(try store.verify(nil).faults.isEmpty)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            let file = try #require(FileHandle(forWritingAtPath: path))
            try file.seek(toOffset: 5000)
            try file.write(contentsOf: Data([0, 1, 2, 3]))
            let fault = try error { try store.openVerified([layer], of: "os/debian12") }
            #expect(fault.code == .corruptedBlob)
            for part in [layer.digest.description, path, "sojourn image build --fresh os/debian12"] {
                #expect(fault.message.contains(part))
            }
            #expect(try store.verify("@debian12").faults.map(\.message) == [fault.message])
            try file.truncate(atOffset: 4096)
            #expect(try error { try store.openVerified(layer, of: "os/debian12") }.message.contains("4096 bytes"))
            try FileManager.default.removeItem(atPath: path)
            #expect(try error { try store.openVerified(layer, of: "os/debian12") }.code == .missingBlob)
        }
    }

    @Test func addingAgainMendsADamagedBlob() throws {
        try ImageFixture.withStore { store in
            let blob = try store.add([1, 2, 3], mediaType: MediaType.recipe)
            try FileManager.default.removeItem(atPath: store.path(of: blob.digest))
            try Data([9]).write(to: URL(fileURLWithPath: store.path(of: blob.digest)))
            #expect(try store.add([1, 2, 3], mediaType: MediaType.recipe) == blob)
            #expect(throws: Never.self) { try store.openVerified(blob, of: "x") }
        }
    }

    @Test func removingFreesWhatNobodyElseHas() throws {
        try ImageFixture.withStore { store in
            let kernel = try ImageFixture.addKernel(store)
            let old = try ImageFixture.addImage(store, "@debian12", kernel: kernel, seed: 1)
            let new = try ImageFixture.addImage(store, "@debian12", kernel: kernel, seed: 2)
            let layer = try store.image(reference: new.description).layers[0]
            #expect(try error { try store.remove(kernel) }.code == .inUse)
            try store.remove(new)
            #expect(try store.image(reference: "@debian12").digest == old)
            #expect(!FileManager.default.fileExists(atPath: store.path(of: layer.filesystem.digest)))
            // The other image has the same list of files.
            let listing = try store.image(reference: old.description).manifest.listing(of: "system")
            #expect(FileManager.default.fileExists(atPath: store.path(of: listing.digest)))
            #expect(try store.verify(nil).faults.isEmpty)
            try store.remove(old)
            try store.remove(kernel)
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(store.home.images)/blobs/sha256").isEmpty)
        }
    }

    @Test func whatIsRegisteredIsNotYetWhatItsNameMeans() throws {
        try ImageFixture.withStore { store in
            let kernel = try ImageFixture.addKernel(store)
            let old = try ImageFixture.addImage(store, "@debian12", kernel: kernel, seed: 1)
            let manifest = try store.image(
                reference: ImageFixture.addImage(store, "@debian12", kernel: kernel, seed: 2).description
            ).manifest
            let new = try store.digest(of: "@debian12")
            try store.makeNewest(old)
            #expect(try store.image(reference: "@debian12").digest == old)
            #expect(try store.image(reference: new.description).isNewest == false)
            // To enter it again changes nothing.
            #expect(try store.register(manifest, as: "os/debian12", at: Timestamp(seconds: 9)) == new)
            #expect(try store.images().map(\.digest) == [new, old])
            #expect(throws: ImageStoreError(.unknownReference, "")) {
                try store.makeNewest(BlobHash.digest(of: Array("nothing".utf8)))
            }
            // One that never had the name does not get it when another leaves.
            var unnamed = manifest
            unnamed.annotations?["comment"] = "never checked"
            let never = try store.register(unnamed, as: "os/debian12", at: Timestamp(seconds: 10))
            try store.remove(old)
            #expect(try store.image(reference: "@debian12").digest == new)
            try store.remove(new)
            #expect(throws: ImageStoreError(.unknownReference, "")) { try store.image(reference: "@debian12") }
            #expect(try store.image(reference: never.description).isNewest == false)
        }
    }

    @Test func whatIsImportedWasNotBuiltHere() throws {
        try ImageFixture.withDirectory { directory in
            let from = try ImageStore(home: try Home(at: "\(directory)/a"))
            let to = try ImageStore(home: try Home(at: "\(directory)/b"))
            let image = try ImageFixture.addImage(from, "@debian12", kernel: try ImageFixture.addKernel(from))
            _ = try to.importLayout(from.home.images, nil, at: Timestamp(seconds: 1))
            let (theirs, ours) = (
                try from.image(reference: image.description), try to.image(reference: image.description)
            )
            #expect(theirs.isBuiltHere && !ours.isBuiltHere && ours.isNewest)
            try to.register(theirs.manifest, as: "os/debian12", at: Timestamp(seconds: 2))
            #expect(try to.image(reference: image.description).isBuiltHere)
        }
    }

    @Test func whatLostABlobIsNotEntered() throws {
        try ImageFixture.withStore { store in
            let kernel = try ImageFixture.addKernel(store)
            let image = try store.image(
                reference: ImageFixture.addImage(store, "@debian12", kernel: kernel).description)
            try FileManager.default.removeItem(atPath: store.path(of: image.layers[0].filesystem.digest))
            #expect(throws: ImageStoreError(.busy, "")) {
                try store.register(image.manifest, as: "os/debian12", at: Timestamp(seconds: 9))
            }
            #expect(throws: ImageStoreError(.busy, "")) { try store.makeNewest(image.digest) }
        }
    }

    @Test func aHomeIsOnesOwn() throws {
        try ImageFixture.withDirectory { directory in
            let home = "\(directory)/home"
            _ = try Home(at: home)
            try #require(chmod(home, 0o777) == 0)
            #expect(throws: ImageStoreError(.unusableHome, "")) { try Home(at: home) }
            try #require(chmod(home, 0o755) == 0)
            _ = try Home(at: home)
            // Only root can give a directory away.
            guard chown(home, 65534, 65534) == 0 else { return }
            #expect(throws: ImageStoreError(.unusableHome, "")) { try Home(at: home) }
        }
    }

    @Test func namesOfFilesTellEnvironmentsApart() {
        let names = ["a_b/c:1@d", "a/b_c:1@d", "a/b:c_1@d", "os/d", "os_d"]
        #expect(Set(names.map(FileName.of)).count == names.count)
        #expect(!FileName.of("../x y\u{1b}").contains { "/ \u{1b}".contains($0) })
    }

    @Test func whatIsSaidAboutAnImageGoesWithIt() throws {
        try ImageFixture.withStore { store in
            let kernel = try ImageFixture.addKernel(store)
            let image = try ImageFixture.addImage(store, "@debian12", kernel: kernel)
            let before = try FileManager.default.contentsOfDirectory(atPath: store.blobs).count
            for text in ["one", "two", "one"] {
                try store.attach(
                    Array(text.utf8), mediaType: MediaType.envelope, artifactType: MediaType.envelope, to: image,
                    annotations: [Annotation.predicateType: "https://example.org/\(text)"])
            }
            let said = try store.referrers(of: image)
            #expect(
                said.map { $0.annotations?[Annotation.predicateType] } == [
                    "https://example.org/one", "https://example.org/two",
                ])
            #expect(try said.map { String(decoding: try store.content(of: $0), as: UTF8.self) } == ["one", "two"])
            #expect(try store.referrers(of: kernel).isEmpty)
            #expect(try store.verify(nil).faults.isEmpty)
            #expect(try store.collectGarbage(olderThan: .zero, now: Self.now) == Garbage())
            try store.remove(image)
            try store.remove(kernel)
            #expect(try FileManager.default.contentsOfDirectory(atPath: store.blobs).isEmpty && before > 0)
        }
    }

    private static var now: Timestamp { Timestamp(seconds: Int64(Date().timeIntervalSince1970) + 1) }

    @Test func onlyOldBlobsThatNothingNamesAreGarbage() throws {
        try ImageFixture.withStore { store in
            let kernel = try ImageFixture.addKernel(store)
            let image = try ImageFixture.addImage(store, "@debian12", kernel: kernel)
            try store.attach([1], mediaType: MediaType.spdx, artifactType: MediaType.spdx, to: image)
            let blob = try store.add(ImageFixture.bytes(10000, seed: 4), mediaType: MediaType.layer)
            // What was unpacked or fetched may look old: what counts is when it came here.
            let path = store.path(of: blob.digest)
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1000)], ofItemAtPath: path)
            let day = Duration.seconds(86400)
            #expect(try store.collectGarbage(olderThan: day, now: Self.now) == Garbage())
            let later = Timestamp(seconds: Self.now.seconds + 86400)
            #expect(try store.collectGarbage(olderThan: day, now: later, dryRun: true).files == 1)
            #expect(FileManager.default.fileExists(atPath: path))
            let freed = try store.collectGarbage(olderThan: day, now: later)
            #expect(freed.files == 1 && freed.bytes >= 10000)
            #expect(!FileManager.default.fileExists(atPath: path))
            #expect(try store.verify(nil).faults.isEmpty && store.referrers(of: image).count == 1)
        }
    }

    @Test func inputsThatALockNamesAreKept() throws {
        try ImageFixture.withStore { store in
            let kernel = try ImageFixture.addKernel(store)
            var image = HandmadeImage(try Environment(parsing: "@debian12"), kernel: kernel)
            let inputs = try ["stored", "locked", "left"].map { try ImageFixture.addInput(store.home, Array($0.utf8)) }
            image.documents.lock.layers[0].files = [Lock.File(source: "a", digest: inputs[0], size: 6)]
            _ = try image.add(to: store)
            var lock = image.documents.lock
            lock.layers[0].files = [Lock.File(source: "b", digest: inputs[1], size: 6)]
            let locks = store.home.locks
            try FileManager.default.createDirectory(atPath: locks, withIntermediateDirectories: true)
            try Data(try lock.encoded(pretty: true)).write(to: URL(fileURLWithPath: "\(locks)/x.json"))
            let left = { try FileManager.default.contentsOfDirectory(atPath: store.home.inputBlobs).sorted() }
            #expect(try store.collectInputs(olderThan: .seconds(60), now: Self.now) == Garbage())
            #expect(try store.collectInputs(olderThan: .zero, now: Self.now).files == 1)
            #expect(try left() == inputs.prefix(2).map(\.hex).sorted())
            // A lock that cannot be read might name any of them.
            try Data("{".utf8).write(to: URL(fileURLWithPath: "\(locks)/y.json"))
            #expect(throws: (any Error).self) { try store.collectInputs(olderThan: .zero, now: Self.now) }
            #expect(try left().count == 2)
        }
    }

    @Test("A build is known by the locks that it holds", arguments: ["build-x/lock", "os_debian12.lock"])
    func runningBuildsForbidToCollectEverything(name: String) throws {
        try ImageFixture.withStore { store in
            try Files.makeDirectories("\(store.home.cache)/build-x")
            try Files.write([], to: "\(store.home.cache)/build-x/lock")
            let lock = try #require(try FileLock.take("\(store.home.cache)/\(name)"))
            let fault = try withExtendedLifetime(lock) { try error { try store.withoutBuilds { 1 } } }
            #expect(fault.code == .busy && fault.message.contains(name))
        }
    }

    @Test func whatAKilledBuildLeftForbidsNothing() throws {
        try ImageFixture.withStore { store in
            try Files.makeDirectories("\(store.home.cache)/build-x")
            try Files.write([], to: "\(store.home.cache)/build-x/lock")
            #expect(try store.withoutBuilds { 1 } == 1)
        }
    }

    @Test func leftoversOfInterruptedWritesAreSwept() throws {
        try ImageFixture.withStore { store in
            let left = "\(store.home.images)/blobs/sha256/\(String(repeating: "a", count: 64)).123.tmp"
            try Data([1]).write(to: URL(fileURLWithPath: left))
            try ImageFixture.addKernel(store)
            #expect(!FileManager.default.fileExists(atPath: left))
        }
    }

    @Test("skopeo reads the layout by environment")
    func skopeoReadsTheLayout() throws {
        try ImageFixture.withStore { store in
            let kernel = try ImageFixture.addKernel(store)
            let name = "lhc/pythia8:8.317.2@debian12"
            try ImageFixture.addImage(store, name, kernel: kernel)
            let raw = try ImageFixture.run(["skopeo", "inspect", "--raw", "oci:\(store.home.images):\(name)"])
            #expect(raw.status == 0 && raw.text.contains(MediaType.image), "\(raw.text)")
            let inspected = try ImageFixture.run(["skopeo", "inspect", "oci:\(store.home.images):\(name)"])
            #expect(inspected.status == 0 && inspected.text.contains("PATH=/bin"), "\(inspected.text)")
        }
    }

    @Test func newerFormatsAreRefusedWithTheRemedy() throws {
        try ImageFixture.withDirectory { directory in
            let home = try Home(at: "\(directory)/h")
            try Data(#"{"version":2}"#.utf8).write(to: URL(fileURLWithPath: "\(home.path)/home.json"))
            let fault = try error { try Home(at: home.path) }
            #expect(fault.code == .newerHome && fault.message.contains("upgrade"))
        }
        let newer = Array(#"{"sojourn":{"version":2}}"#.utf8)
        #expect(throws: ImageFormatError(.newerFormat, "")) { try ImageConfiguration(decoding: newer, source: "x") }
        #expect(throws: ImageFormatError(.invalidConfiguration, "")) {
            try KernelConfiguration(decoding: Array("{}".utf8), source: "x")
        }
    }

    @Test func homeIsFoundByFlagThenVariables() throws {
        let variables = ["SOJOURN_HOME": "/s", "XDG_DATA_HOME": "/x", "HOME": "/h"]
        func locate(_ flag: String?, without names: [String]) throws -> String {
            try Home.locate(flag: flag) { names.contains($0) ? nil : variables[$0] }
        }
        #expect(try locate("/f", without: []) == "/f")
        #expect(try locate(nil, without: []) == "/s")
        #expect(try locate(nil, without: ["SOJOURN_HOME"]) == "/x/sojourn")
        #expect(try locate(nil, without: ["SOJOURN_HOME", "XDG_DATA_HOME"]) == "/h/.local/share/sojourn")
        #expect(
            try error { try locate(nil, without: ["SOJOURN_HOME", "XDG_DATA_HOME", "HOME"]) }.code == .unusableHome)
    }

    @Test func nearestNamesAreFew() {
        let names = ["os/debian11", "os/debian12", "os/debian13", "lhc/pythia8:8.317.2@debian12"]
        #expect(NearestNames.of("os/debain12", among: names).first == "os/debian12")
        #expect(NearestNames.of("pythia", among: names) == ["lhc/pythia8:8.317.2@debian12"])
        #expect(NearestNames.of("completely-else", among: names).isEmpty)
        #expect(NearestNames.hint(for: "x", among: []) == "there are none")
    }
}
