import Testing

@testable import Attestation
@testable import GridModel
@testable import ImageFormat
@testable import StrictJSON

@Suite struct AttestationSPDXTests {
    private func document(_ facts: ImageFacts) throws -> JSONValue {
        try AttestationFixture.json(try AttestationFixture.document(facts))
    }

    private func packages(_ document: JSONValue, named name: String) throws -> [JSONValue] {
        try #require(document["packages"]?.array).filter { $0["name"]?.string == name }
    }

    @Test func theHeadSaysWhatItIsAboutAndWhen() throws {
        let document = try document(try AttestationFixture.facts())
        #expect(document["spdxVersion"]?.string == "SPDX-2.3")
        #expect(document["dataLicense"]?.string == "CC0-1.0")
        #expect(document["SPDXID"]?.string == "SPDXRef-DOCUMENT")
        #expect(document["name"]?.string == AttestationFixture.name)
        let hex = AttestationFixture.image.digest.hex
        #expect(document["documentNamespace"]?.string == "https://spdx.org/spdxdocs/sojourn-0.1.0-\(hex)")
        #expect(document["creationInfo"]?["created"]?.string == "2023-11-14T22:14:20Z")
        #expect(document["creationInfo"]?["creators"]?.array == ["Tool: sojourn-0.1.0"])
    }

    @Test func oneImageHasOneDocument() throws {
        let packages = AttestationFixture.packages
        let first = try AttestationFixture.document(try AttestationFixture.facts())
        #expect(first == (try AttestationFixture.document(try AttestationFixture.facts(packages: packages.reversed()))))
        // The same package in two places, with other words about itself.
        var other = packages[5]
        other.licence = "MIT"
        let twice = packages + [other]
        let second = try AttestationFixture.document(try AttestationFixture.facts(packages: twice))
        #expect(second == (try AttestationFixture.document(try AttestationFixture.facts(packages: twice.reversed()))))
        #expect(try self.packages(try AttestationFixture.json(second), named: "pythia8").count == 1)
    }

    @Test func everyElementHasItsOwnIdentifierAndEveryRelationshipLeadsSomewhere() throws {
        let document = try document(try AttestationFixture.facts())
        let elements = try #require(document["packages"]?.array) + #require(document["files"]?.array)
        let identifiers = try elements.map { try #require($0["SPDXID"]?.string) }
        // The image, seven installed, three snapshots, a container, four files.
        #expect(identifiers.count == 16)
        #expect(Set(identifiers).count == identifiers.count)
        for identifier in identifiers {
            #expect(identifier.wholeMatch(of: /SPDXRef-[A-Za-z0-9.\-]+/) != nil, "\(identifier)")
        }
        let relationships = try #require(document["relationships"]?.array)
        let known = Set(identifiers + ["SPDXRef-DOCUMENT"])
        for relationship in relationships {
            #expect(known.contains(relationship["spdxElementId"]?.string ?? ""))
            #expect(known.contains(relationship["relatedSpdxElement"]?.string ?? ""))
        }
        let types = relationships.compactMap { $0["relationshipType"]?.string }
        #expect(types.count { $0 == "DESCRIBES" } == 1)
        #expect(types.count { $0 == "CONTAINS" } == 11)
        #expect(types.count { $0 == "EXPANDED_FROM_ARCHIVE" } == 4)
    }

    @Test func aPackageHasTheChecksumOfTheFileItCameIn() throws {
        let document = try document(try AttestationFixture.facts())
        func checksums(_ name: String) throws -> [String?] {
            try packages(document, named: name).map { $0["checksums"]?[0]?["checksumValue"]?.string }
        }
        #expect(try checksums("libstdc++6") == [AttestationFixture.digest(11).hex])
        #expect(try checksums("login") == [AttestationFixture.digest(12).hex])
        #expect(try checksums("pythia8") == [AttestationFixture.digest(21).hex])
        #expect(try checksums("tzdata") == [nil])
        // Only one of the two architectures is in the lock.
        #expect(try checksums("libc6") == [nil, AttestationFixture.digest(13).hex])
        #expect(try checksums(AttestationFixture.name) == [AttestationFixture.image.digest.hex])
        #expect(try checksums("/build/server") == [AttestationFixture.digest(23).hex])
        #expect(try checksums("oci:images/analysis:1") == [AttestationFixture.digest(26).hex])
    }

    @Test func aPackageThatCameInTwoFilesHasNoChecksum() throws {
        let facts = try AttestationFixture.facts()
        var lock = facts.lock
        var second = lock.layers[0].packages[0]
        second.digest = AttestationFixture.digest(99)
        lock.layers[1].packages = [second]
        let twice = ImageFacts(facts.artifact, manifest: facts.manifest, lock: lock, packages: facts.packages)
        #expect(try packages(try document(twice), named: "libstdc++6")[0]["checksums"] == nil)
    }

    @Test func aPackageSaysWhereItIsKnownAndWhatItDeclares() throws {
        let document = try document(try AttestationFixture.facts())
        let library = try packages(document, named: "libstdc++6")[0]
        #expect(library["versionInfo"]?.string == "12.2.0-14+deb12u1")
        #expect(library["sourceInfo"]?.string == "built from the source package gcc-12")
        #expect(library["filesAnalyzed"]?.bool == false)
        #expect(library["downloadLocation"]?.string == "NOASSERTION")
        #expect(library["licenseDeclared"]?.string == "NOASSERTION")
        #expect(library["licenseComments"] == nil)
        let reference = try #require(library["externalRefs"]?[0])
        #expect(reference["referenceCategory"]?.string == "PACKAGE-MANAGER")
        #expect(reference["referenceType"]?.string == "purl")
        let url = "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64"
        #expect(reference["referenceLocator"]?.string == url)
        #expect(try packages(document, named: "pythia8")[0]["licenseDeclared"]?.string == "GPL-2.0-or-later")
        let odd = try packages(document, named: "odd-one")[0]
        #expect(odd["licenseDeclared"]?.string == "NOASSERTION")
        #expect(odd["licenseComments"]?.string == "declared as: see the file COPYING")
        let image = try packages(document, named: AttestationFixture.name)[0]
        #expect(image["versionInfo"]?.string == "8.317.2")
        #expect(image["licenseDeclared"]?.string == "GPL-2.0-or-later AND (MIT OR BSD-3-Clause)")
    }

    @Test func filesHaveBothDigestsAndTheirNames() throws {
        let files = try #require(try document(try AttestationFixture.facts())["files"]?.array)
        #expect(files.map { $0["fileName"]?.string } == (AttestationFixture.paths + ["last"]).map { "./\($0)" })
        #expect(
            files[0]["checksums"]?.array == [
                ["algorithm": "SHA1", "checksumValue": .string(String(repeating: "07", count: 20))],
                ["algorithm": "SHA256", "checksumValue": .string(AttestationFixture.digest(8).hex)],
            ])
        #expect(files[3]["SPDXID"]?.string == "SPDXRef-Snapshot-3-File-1")
    }

    @Test func anImageOfNothingIsDescribedToo() throws {
        let facts = try AttestationFixture.facts()
        let lock = Lock(
            kernel: nil,
            layers: [
                Lock.Layer(name: "os/none", recipe: AttestationFixture.digest(1), time: Timestamp(seconds: 0))
            ])
        let bare = ImageFacts(
            facts.artifact, manifest: facts.manifest, lock: lock,
            packages: PackageList(distribution: "linux", packages: []))
        let document = try document(bare)
        #expect(document["packages"]?.array?.count == 1)
        #expect(document["files"]?.array == [])
        #expect(document["relationships"]?.array?.count == 1)
    }

    @Test(arguments: ["", "/etc/passwd"]) func aFileOutsideOfItsSnapshotIsRefused(path: String) throws {
        let document = SPDXDocument(try AttestationFixture.facts(), version: "0.1.0")
        let file = SnapshotFile(
            path: path, sha1: String(repeating: "00", count: 20), digest: AttestationFixture.digest(0))
        let fault = #expect(throws: AttestationError.self) {
            try document.write(files: { _ in { file } }, to: { _ in })
        }
        #expect(fault?.code == .unsuitableFacts)
    }

    @Test func aFaultOfASourceOrASinkEndsIt() throws {
        struct Full: Error {}
        let document = SPDXDocument(try AttestationFixture.facts(), version: "0.1.0")
        #expect(throws: Full.self) { try document.write(files: { _ in { throw Full() } }, to: { _ in }) }
        #expect(throws: Full.self) {
            try document.write(files: AttestationFixture.files(of:), to: { _ in throw Full() })
        }
    }

    @Test func manyFilesPassInSmallPieces() throws {
        let count = 100_000
        var left = count
        let file = SnapshotFile(
            path: "some/directory/of/a/build/server/file", sha1: String(repeating: "03", count: 20),
            digest: AttestationFixture.digest(4))
        var (pieces, longest, total) = (0, 0, 0)
        var facts = try AttestationFixture.facts()
        var lock = facts.lock
        lock.layers[1].snapshots.removeLast(2)
        facts = ImageFacts(facts.artifact, manifest: facts.manifest, lock: lock, packages: facts.packages)
        try SPDXDocument(facts, version: "0.1.0").write(
            files: { _ in
                {
                    left -= 1
                    return left >= 0 ? file : nil
                }
            },
            to: { piece in
                (pieces, longest, total) = (pieces + 1, max(longest, piece.count), total + piece.count)
            })
        #expect(total > count * 300)
        #expect(longest < 1 << 17)
        #expect(pieces > 100)
    }
}
