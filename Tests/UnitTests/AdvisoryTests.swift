import Testing

@testable import GridModel
@testable import Policy

@Suite struct AdvisoryTests {
    private typealias Fixture = AcceptanceFixture

    private func advisory(
        fixed: String = "5.6.2", ecosystem: Ecosystem = .deb, package: String = "xz-utils", deadline: Int64? = 10
    ) throws -> Advisory {
        try Advisory(
            id: "DSA-1", package: package, ecosystem: ecosystem, fixed: fixed, severity: .critical,
            deadline: deadline.map(Fixture.moment), source: "/etc/sojourn/advisories/DSA-1.yaml")
    }

    @Test func beforeItsDeadlineItIsANoteAndTheEnd() throws {
        let decision = try Fixture.rules(advisories: [try advisory()]).decide(Fixture.image(), at: Fixture.now)
        #expect(decision.isAccepted && decision.until == Fixture.moment(10))
        let note = try #require(decision.notes.first)
        #expect(
            note.hasPrefix("must stop by 2030-03-18T03:46:40Z: advisory DSA-1 (critical) of /etc/sojourn/advisories"))
        #expect(note.contains("it has xz-utils 5.4.1-1, the fault is mended in 5.6.2"))
    }

    @Test func fromItsDeadlineOnItBans() throws {
        let rules = try Fixture.rules(system: ["approve experiment lhc"], advisories: [try advisory()])
        for hours: Int64 in [10, 11] {
            let decision = rules.decide(Fixture.image(), at: Fixture.moment(hours))
            #expect(decision.refusal.contains("it had to stop at 2030-03-18T03:46:40Z") && decision.reasons.count == 1)
        }
        #expect(
            try Fixture.rules(advisories: [advisory(deadline: nil)]).decide(Fixture.image(), at: Fixture.now).until
                == Fixture.moment(50))
    }

    @Test func onlyWhatHasThePackageBelowTheFixedVersionIsAffected() throws {
        func affects(_ advisory: Advisory, _ packages: [PackageFact]?) -> Bool {
            advisory.affects(Fixture.image(packages: packages))
        }
        let xz = try advisory()
        #expect(affects(xz, [PackageFact(name: "xz-utils", version: "5.6.1-1")]))
        #expect(!affects(xz, [PackageFact(name: "xz-utils", version: "5.6.2-1")]))
        #expect(affects(xz, [PackageFact(name: "liblzma5", version: "5.4.1-1", source: "xz-utils")]))
        #expect(!affects(xz, [PackageFact(name: "liblzma5", version: "5.4.1-1")]))
        #expect(!affects(xz, [PackageFact(name: "xz-utils", version: "5.4.1", ecosystem: .pypi)]))
        #expect(!affects(xz, []))
        #expect(affects(xz, nil))
        let numpy = try advisory(fixed: "2.0", ecosystem: .pypi, package: "NumPy")
        #expect(affects(numpy, [PackageFact(name: "numpy", version: "2.0rc1", ecosystem: .pypi)]))
        #expect(!affects(numpy, [PackageFact(name: "numpy", version: "2.0.post1", ecosystem: .pypi)]))
        // What cannot be compared may have the fault.
        #expect(affects(numpy, [PackageFact(name: "numpy", version: "?", ecosystem: .pypi)]))
        #expect(throws: PolicyError.self) { try advisory(fixed: "", package: "xz") }
        #expect(throws: PolicyError.self) { try advisory(fixed: "1:2-3", ecosystem: .pypi) }
    }

    @Test func whatReplacesAnAffectedImageIsNamed() throws {
        let sound = [PackageFact(name: "xz-utils", version: "5.6.2-1")]
        let old = Fixture.image(1)
        let new = Fixture.image(2, packages: sound, endorsements: [Fixture.endorsement(endorsed: -5)])
        let unendorsed = Fixture.image(3, packages: sound, created: -1, endorsements: [])
        var other = Fixture.image(4)
        other.name = "os/debian12"
        other.endorsements = [Fixture.endorsement(experiment: "os", name: nil)]
        let rules = try Fixture.rules()
        let effects = rules.effects(of: try advisory(), on: [other, unendorsed, old, new], at: Fixture.now)
        #expect(effects.map(\.digest) == [old.digest, other.digest])
        #expect(effects.map(\.replacement) == [new.digest, nil] && effects.allSatisfy(\.isAccepted))
        #expect(effects[0].stops == Fixture.moment(10) && effects[0].packages == old.packages)
        #expect(rules.effects(of: try advisory(package: "bash"), on: [old, new], at: Fixture.now).isEmpty)
    }
}
