import Testing

@testable import Attestation
@testable import GridModel
@testable import ImageFormat
@testable import StrictJSON
@testable import Trust

@Suite struct AttestationStatementTests {
    private typealias Checks = Statement<CheckResult>

    private static let checks = Checks(about: AttestationFixture.image, AttestationFixture.result)
    private static let key = PrivateKey.generate(.ed25519)

    private func provenance() throws -> Statement<Provenance> {
        let predicate = Provenance(
            of: try AttestationFixture.facts(), run: AttestationFixture.run, builder: Self.key.publicKey.id,
            version: "0.1.0")
        return Statement(about: AttestationFixture.image, predicate)
    }

    /// The statement of checks with a piece of its text replaced.
    private func changed(_ piece: String, to other: String) throws -> [UInt8] {
        let text = String(decoding: try Self.checks.encoded(), as: UTF8.self)
        try #require(text.contains(piece), "\(text)")
        let parts = text.split(separator: piece, maxSplits: 1, omittingEmptySubsequences: false)
        return Array(parts.joined(separator: other).utf8)
    }

    private func refusal(_ bytes: [UInt8]) throws -> AttestationError {
        try #require(throws: AttestationError.self) { try Checks(decoding: bytes, source: "test") }
    }

    @Test func aResultOfChecksHasTheFormOfInToto() throws {
        let hex = { (seed: UInt8) in AttestationFixture.digest(seed).hex }
        let manifest = #"","mediaType":"application/vnd.oci.image.manifest.v1+json","name":""#
        let text =
            #"{"_type":"https://in-toto.io/Statement/v1","predicate":{"configuration":[{"digest":{"sha256":""#
            + hex(1) + "\"}" + manifest.dropFirst() + "\(AttestationFixture.name)\"},{\"digest\":{\"sha256\":\""
            + hex(2) + "\"}" + manifest.dropFirst()
            + #"kernel-debian12"}],"failedTests":["false"],"passedTests":["python3 -c 'import pythia8'"],"#
            + #""result":"FAILED","sojourn":{"accelerator":"tcg","time":"2023-11-14T22:16:40Z","version":"0.1.0"}},"#
            + #""predicateType":"https://in-toto.io/attestation/test-result/v0.1","subject":[{"digest":{"sha256":""#
            + hex(1) + "\"},\"name\":\"\(AttestationFixture.name)\"}]}"
        #expect(String(decoding: try Self.checks.encoded(), as: UTF8.self) == text)
    }

    @Test func whatIsWrittenIsReadBack() throws {
        let checks = try Checks(decoding: try Self.checks.encoded(), source: "test")
        #expect(checks == Self.checks)
        #expect(checks.isAbout(AttestationFixture.image.digest))
        #expect(!checks.isAbout(AttestationFixture.kernel.digest))
        let provenance = try provenance()
        #expect(try Statement<Provenance>(decoding: try provenance.encoded(), source: "test") == provenance)
    }

    @Test func provenanceNamesEveryInput() throws {
        let definition = try provenance().predicate.buildDefinition
        #expect(definition.externalParameters.recipe == AttestationFixture.name)
        #expect(definition.externalParameters.environment?.description == AttestationFixture.name)
        #expect(definition.internalParameters.architecture == "amd64")
        let dependencies = definition.resolvedDependencies
        // Base image, kernel, two recipes, three packages, wheel, file, three snapshots, two blobs of the container.
        let seeds: [UInt8] = [3, 2, 10, 11, 12, 13, 20, 21, 22, 23, 24, 25, 26, 27]
        #expect(dependencies.map(\.digest) == seeds.map(AttestationFixture.digest))
        #expect(dependencies[4].name == "login_1%3a4.13+dfsg1-1+b1_amd64.deb")
        #expect(dependencies[4].uri == "pkg:deb/debian/login@1:4.13%2Bdfsg1-1%2Bb1?arch=amd64")
        #expect(dependencies[12].name == "oci:images/analysis:1")
    }

    @Test func provenanceNamesWhoBuiltWhenAndWhatElseCameOfIt() throws {
        let details = try provenance().predicate.runDetails
        #expect(details.builder.id == "urn:sojourn:home:\(Self.key.publicKey.id)")
        #expect(details.builder.version == ["erofs-utils": "1.5", "sojourn": "0.1.0"])
        #expect(details.metadata.invocationId == "run-1")
        #expect(details.metadata.startedOn < details.metadata.finishedOn)
        #expect(details.byproducts.map(\.name) == ["files of system", "lock", "packages"])
        #expect(details.byproducts.map(\.digest) == [32, 33, 34].map(AttestationFixture.digest))
    }

    @Test func aKernelHasNoEnvironment() throws {
        let facts = try AttestationFixture.facts()
        let kernel = ImageFacts(
            AttestationFixture.kernel, manifest: facts.manifest, lock: facts.lock, packages: facts.packages)
        let predicate = Provenance(
            of: kernel, run: AttestationFixture.run, builder: Self.key.publicKey.id, version: "0.1.0")
        #expect(predicate.buildDefinition.externalParameters.environment == nil)
    }

    @Test func onlyWhatAWantedKeySignedIsBelieved() throws {
        let envelope = try Self.checks.envelope(signedBy: Self.key)
        let stored = try Envelope(decoding: try envelope.encoded(), source: "test")
        let other = PrivateKey.generate(.p256).publicKey
        let (statement, signers) = try Checks.verified(stored, by: [other, Self.key.publicKey], source: "test")
        #expect(statement == Self.checks)
        #expect(signers == [Self.key.publicKey.id])
        let fault = #expect(throws: AttestationError.self) {
            try Checks.verified(stored, by: [other], source: "checks of 0101")
        }
        #expect(fault?.code == .notTrusted)
        #expect(fault?.description.hasPrefix("checks of 0101: not believed: not trusted") == true)
        // Good bytes, signed as something else.
        let asText = try Envelope(signing: try Self.checks.encoded(), as: "text/plain", with: Self.key)
        #expect(throws: AttestationError(.notTrusted, "")) {
            try Checks.verified(asText, by: [Self.key.publicKey], source: "test")
        }
    }

    @Test func aStatementOfAnotherTypeIsRefused() throws {
        #expect(throws: AttestationError(.otherPredicate, "")) {
            try Statement<Provenance>(decoding: try Self.checks.encoded(), source: "test")
        }
        let fault = try refusal(try provenance().encoded())
        #expect(fault.code == .otherPredicate)
        #expect(fault.message.contains("'https://slsa.dev/provenance/v1', not of the wanted"))
        #expect(try refusal(try changed("Statement/v1", to: "Statement/v9")).code == .malformedStatement)
        let foreign = String(decoding: try provenance().encoded(), as: UTF8.self)
        let other = foreign.split(separator: "urn:sojourn:build:1").joined(separator: "https://example.org/make/v1")
        #expect(throws: AttestationError(.otherPredicate, "")) {
            try Statement<Provenance>(decoding: Array(other.utf8), source: "test")
        }
    }

    @Test func fieldsOfOthersAreIgnored() throws {
        let more = try changed(#"{"_type""#, to: #"{"added":[1],"_type""#)
        #expect(try Checks(decoding: more, source: "test") == Self.checks)
        let withURL = try changed(#""result""#, to: #""url":"https://example.org/1","warnedTests":[],"result""#)
        #expect(try Checks(decoding: withURL, source: "test") == Self.checks)
        // A digest that is not known here says nothing, and none that is known is owed.
        #expect(throws: AttestationError(.malformedStatement, "")) {
            try Checks(
                decoding: try changed(#""subject":[{"digest":{"sha256"#, to: #""subject":[{"digest":{"sha1"#),
                source: "test")
        }
    }

    @Test(arguments: [
        ("FAILED", "PASSED"), ("FAILED", "WARNED"), ("FAILED", "fine"), (#""result":"FAILED","#, ""),
        (#""passedTests":["#, #""passedTests":[1,"#), (#""passedTests":["#, #""passedTests":[null,"#),
        (#""sojourn":{"#, #""ours":{"#), ("2023-11-14T22:16:40Z", "yesterday"),
        ("{\"sha256\":\"01", "{\"sha256\":\"x1"),
        ("\"_type\"", "\"type\""), ("}]}", "}]"), ("}]}", "}]}}"), (#""subject":["#, #""subject":[],"subjects":["#),
        (#""sojourn":{"#, #""sojourn":{},"sojourn":{"#),
        (#""configuration":["#, #""configuration":[{"name":"third","digest":{"sha256":"00"}},"#),
        (#""configuration":["#, #""configuration":[],"configured":["#),
    ])
    func aDamagedStatementIsRefused(piece: String, replacement: String) throws {
        let fault = try refusal(try changed(piece, to: replacement))
        #expect(fault.code == .malformedStatement)
        #expect(fault.description.contains("test"), "\(fault)")
    }

    @Test func aStatementHasBounds() throws {
        let commands = [String](repeating: "true", count: CheckResult.mostCommands + 1)
        let many = CheckResult(.passed, passed: commands, failed: [], in: AttestationFixture.result.setting)
        #expect(
            try refusal(try Checks(about: AttestationFixture.image, many).encoded()).code == .malformedStatement)
        let long = String(repeating: "x", count: CheckResult.limits.bytes)
        let large = CheckResult(.passed, passed: [long], failed: [], in: AttestationFixture.result.setting)
        #expect(
            try refusal(try Checks(about: AttestationFixture.image, large).encoded()).description.contains("allowed"))
    }
}
