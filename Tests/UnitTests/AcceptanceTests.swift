import Foundation
import Testing

@testable import GridModel
@testable import Policy

@Suite struct AcceptanceTests {
    private typealias Fixture = AcceptanceFixture

    @Test func anEndorsedImageMayRunUntilTheFirstOfItsTimes() throws {
        let decision = try Fixture.decide()
        #expect(decision.isAccepted && decision.standing == .endorsed && decision.reasons.isEmpty)
        #expect(decision.until == Fixture.moment(50) && decision.endorsements == [Fixture.endorsement()])
        let longer = Fixture.image(endorsements: [Fixture.endorsement(until: 20, expires: 900)])
        #expect(try Fixture.decide(longer).until == Fixture.moment(20))
        // What ends one endorsement does not end the other.
        let two = Fixture.image(endorsements: [
            Fixture.endorsement(), Fixture.endorsement(catalogue: "mirror", until: 70, expires: 80),
        ])
        #expect(try Fixture.decide(two).until == Fixture.moment(70))
        // Unless a rule wants just that one.
        let decided = try Fixture.decide(two, system: ["approve endorser \(Fixture.alice.key)"]) {
            $0.system.unmatched = .refuse
        }
        #expect(decided.until == Fixture.moment(70))
    }

    @Test func whatNobodyAnswersForIsRefused() throws {
        let decision = try Fixture.decide(Fixture.image(endorsements: []))
        #expect(!decision.isAccepted && decision.standing == .none && decision.until == nil)
        #expect(
            decision.refusal.contains("nobody answers for it")
                && decision.refusal.contains("sojourn site approve image"))
    }

    @Test(arguments: [
        (AcceptanceFixture.endorsement(until: 0), "ended at 2030-03-17T17:46:40Z"),
        (AcceptanceFixture.endorsement(expires: 0), "metadata of images expired"),
        (AcceptanceFixture.endorsement(by: [AcceptanceFixture.alice], threshold: 2), "1 count where 2 are needed"),
        (AcceptanceFixture.endorsement(by: [], threshold: 0), "0 count where 1 are needed"),
        (
            AcceptanceFixture.endorsement(name: "lhc/pythia8:1@debian12"),
            "endorses it as lhc/pythia8:1@debian12, not as"
        ),
        (
            AcceptanceFixture.endorsement(
                fault: EndorsementFault(.withdrawn, since: AcceptanceFixture.moment(-1), because: "wrong seed")),
            "images has withdrawn it, 2030-03-17T16:46:40Z: wrong seed"
        ),
        (AcceptanceFixture.endorsement(fault: EndorsementFault(.expired)), "the metadata of images has expired"),
        (
            AcceptanceFixture.endorsement(fault: EndorsementFault(.notSynchronised)),
            "images was never synchronised here"
        ),
        (AcceptanceFixture.endorsement(fault: EndorsementFault(.damaged)), "is damaged"),
    ])
    func anEndorsementThatDoesNotHoldIsNone(_ endorsement: EndorsementFact, _ why: String) throws {
        let decision = try Fixture.decide(Fixture.image(endorsements: [endorsement]))
        #expect(!decision.isAccepted && decision.refusal.contains(why), "\(decision.refusal)")
        #expect(decision.endorsements.isEmpty && decision.reasons.allSatisfy { !$0.remedy.isEmpty })
        // Another one that holds is enough.
        let both = try Fixture.decide(Fixture.image(endorsements: [endorsement, Fixture.endorsement(catalogue: "b")]))
        #expect(both.isAccepted && both.endorsements.map(\.catalogue) == ["b"])
    }

    // MARK: Subjects

    @Test(arguments: [
        ("image \(AcceptanceFixture.digest(1))", true), ("image \(AcceptanceFixture.digest(2))", false),
        ("endorser \(AcceptanceFixture.alice.key)", true), ("endorser \(AcceptanceFixture.bob.key)", false),
        ("experiment lhc", true), ("experiment ilc", false), ("experiment lh", false),
        ("environment \(AcceptanceFixture.environment)", true), ("environment lhc/*", true), ("environment *", true),
        ("environment *@debian12", true), ("environment lhc/*:8.*@debian1*", true),
        ("environment lhc/*@debian13", false),
        ("environment @debian12", false), ("environment lhc", false),
        ("package xz-utils", true), ("package xz-utils 5.4.1", true), ("package xz-utils <5.6.0", true),
        ("package xz-utils 5.6.0", false), ("package xz-utils <5.4.1", false), ("package xz", false),
    ])
    func aSubjectMeansWhatItSays(_ subject: String, _ matches: Bool) throws {
        #expect(try Fixture.decide(system: ["ban \(subject)"]).isAccepted != matches)
        #expect(try Fixture.decide(home: ["ban \(subject)"]).isAccepted != matches)
        let approved = try Fixture.decide(system: ["approve \(subject)"]) { $0.system.unmatched = .refuse }
        #expect(approved.isAccepted == matches, "\(approved.refusal)")
        #expect(
            try Subject(parsing: subject).description
                == subject.replacing("@debian12", with: subject.hasSuffix(" @debian12") ? "os/debian12" : "@debian12"))
    }

    @Test(arguments: [
        "", "ban", "image", "image sha256:12", "image \(AcceptanceFixture.digest(1).hex)", "endorser alice", "endorser",
        "experiment", "experiment a b", "experiment ../x", "environment", "environment a b", "environment @", "package",
        "packages xz", "Image \(AcceptanceFixture.digest(1))", "package a\nb", "environment é",
    ])
    func whatIsNoSubjectIsRefused(_ text: String) {
        #expect(throws: PolicyError.self) { try Subject(parsing: text) }
    }

    @Test func patternsDoNotTakeForEver() throws {
        let pattern = try EnvironmentPattern(parsing: String(repeating: "*a", count: 100))
        #expect(!pattern.matches(String(repeating: "a", count: 5000) + "b"))
        #expect(pattern.matches(String(repeating: "a", count: 5000)))
    }

    @Test func kernelsAreCalledAsTheyArePublished() throws {
        let endorsement = Fixture.endorsement(experiment: "os", name: "kernel-debian12")
        let kernel = ArtifactFacts(
            digest: Fixture.digest(3), name: "kernel-debian12", isKernel: true, created: Fixture.now, packages: [],
            endorsements: [endorsement])
        for subject in ["environment os/*", "environment kernel-*", "experiment os"] {
            #expect(try !Fixture.decide(kernel, system: ["ban \(subject)"]).isAccepted)
        }
        #expect(try Fixture.decide(kernel, system: ["ban environment lhc/*"]).isAccepted)
    }

    @Test func anImageWithoutListOfPackagesHasEveryPackageThatIsBanned() throws {
        let image = Fixture.image(packages: nil)
        let decision = try Fixture.decide(image, home: ["ban package xz-utils 5.6.0"])
        #expect(decision.refusal.contains("it has no list of packages, and is taken to have it"))
        #expect(try Fixture.decide(image).isAccepted)
        // It is not taken to have what would speak for it.
        #expect(
            try !Fixture.decide(image, home: ["approve package xz-utils"]) { $0.home.unmatched = .refuse }.isAccepted)
        // An empty list is a list.
        #expect(try Fixture.decide(Fixture.image(packages: []), home: ["ban package xz-utils"]).isAccepted)
    }

    @Test func aVersionThatCannotBeComparedIsBannedAndNotApproved() throws {
        let image = Fixture.image(packages: [PackageFact(name: "openssl", version: "3.0.1-4.el9", ecosystem: .rpm)])
        let decision = try Fixture.decide(image, system: ["ban package openssl <3.0.7"])
        #expect(decision.refusal.contains("cannot be compared here"))
        #expect(
            try !Fixture.decide(image, system: ["approve package openssl <3.0.7"]) { $0.system.unmatched = .refuse }
                .isAccepted)
    }

    @Test func anExperimentsNameIsItsToBanNotToApprove() throws {
        let own = Fixture.image(isBuiltHere: true, endorsements: [])
        #expect(try !Fixture.decide(own, system: ["ban experiment lhc"]).isAccepted)
        let other = Fixture.image(endorsements: [Fixture.endorsement(experiment: "ilc")])
        #expect(
            try !Fixture.decide(other, system: ["approve experiment lhc"]) { $0.system.unmatched = .refuse }.isAccepted)
    }

    // MARK: Endorsers

    @Test func aBannedEndorsersSignatureIsOutOfTheCount() throws {
        let three = [Fixture.alice, Fixture.bob, Fixture.carol]
        let image = Fixture.image(endorsements: [Fixture.endorsement(by: three, threshold: 2)])
        let one = try Fixture.decide(image, system: ["ban endorser \(Fixture.bob.key)"])
        #expect(one.isAccepted && one.endorsements.first?.endorsers == [Fixture.alice, Fixture.carol])
        let two = try Fixture.decide(
            image, system: ["ban endorser \(Fixture.bob.key)", "ban endorser \(Fixture.alice.key)"])
        #expect(
            two.refusal.contains(
                "1 count where 2 are needed: alice (aaaaaaaaaaaa) is banned by /etc/sojourn/config.yaml:11"))
        // Each list may ban.
        #expect(
            try !Fixture.decide(
                image, system: ["ban endorser \(Fixture.bob.key)"], home: ["ban endorser \(Fixture.alice.key)"]
            ).isAccepted)
        // Of one key the first rule decides, in its list only.
        let both = ["approve endorser \(Fixture.bob.key)", "ban endorser \(Fixture.bob.key)"]
        #expect(try Fixture.decide(image, system: both).endorsements.first?.endorsers == three)
        #expect(
            try Fixture.decide(image, system: both, home: ["ban endorser \(Fixture.bob.key)"]).endorsements.first?
                .endorsers
                .count == 2)
        // A ban that leaves enough does not keep the rules below it from being looked at.
        #expect(
            try !Fixture.decide(image, system: ["ban endorser \(Fixture.bob.key)", "ban package xz-utils"]).isAccepted)
        // An approval of an endorser whose signature does not count is none.
        #expect(
            try !Fixture.decide(
                image, system: ["ban endorser \(Fixture.bob.key)"], home: ["approve endorser \(Fixture.bob.key)"]
            ) { $0.home.unmatched = .refuse }.isAccepted)
    }

    // MARK: Lists

    @Test func theFirstRuleThatMatchesDecides() throws {
        #expect(try Fixture.decide(system: ["approve experiment lhc", "ban package xz-utils"]).isAccepted)
        #expect(try !Fixture.decide(system: ["ban package xz-utils", "approve experiment lhc"]).isAccepted)
    }

    @Test func anImageMustPassBothLists() throws {
        #expect(try !Fixture.decide(system: ["approve experiment lhc"], home: ["ban experiment lhc"]).isAccepted)
        #expect(try !Fixture.decide(system: ["ban experiment lhc"], home: ["approve experiment lhc"]).isAccepted)
        #expect(
            try !Fixture.decide(system: ["ban experiment lhc"], home: ["approve image \(Fixture.digest(1))"]).isAccepted
        )
        #expect(try Fixture.decide(system: ["approve experiment lhc"], home: ["approve environment *"]).isAccepted)
    }

    @Test func endorsedImagesThatNoRuleNamesAreEachListsToSay() throws {
        #expect(try Fixture.decide { $0.system.unmatched = .accept }.isAccepted)
        let system = try Fixture.decide { $0.system.unmatched = .refuse }
        #expect(system.refusal.contains("no rule of /etc/sojourn/config.yaml approves it"))
        #expect(try !Fixture.decide { $0.home.unmatched = .refuse }.isAccepted)
        #expect(
            try !Fixture.decide(home: ["approve experiment lhc"]) { $0.system.unmatched = .refuse }.isAccepted)
        #expect(
            try Fixture.decide(system: ["approve experiment lhc"]) { $0.system.unmatched = .refuse }.isAccepted)
    }

    // MARK: Own images

    @Test func ownImagesRunWhereNoFileForbidsThem() throws {
        let own = Fixture.image(isBuiltHere: true, endorsements: [])
        let decision = try Fixture.decide(own) { $0.system.unmatched = .refuse }
        #expect(decision.isAccepted && decision.standing == .own && decision.until == nil)
        #expect(try !Fixture.decide(own) { $0.system.ownImages = .forbid }.isAccepted)
        #expect(try !Fixture.decide(own) { $0.home.ownImages = .forbid }.isAccepted)
        let stricter = try Fixture.decide(own) { ($0.system.ownImages, $0.home.ownImages) = (.forbid, .allow) }
        #expect(stricter.refusal.contains("'own-images: forbid' in /etc/sojourn/config.yaml"))
        #expect(try !Fixture.decide(own, home: ["ban package xz-utils"]).isAccepted)
        // Endorsed too, it needs no leave.
        #expect(try Fixture.decide(Fixture.image(isBuiltHere: true)) { $0.system.ownImages = .forbid }.isAccepted)
    }

    @Test func approvingADigestMakesAnOwnImageOfIt() throws {
        let stranger = Fixture.image(endorsements: [])
        let line = "approve image \(Fixture.digest(1))"
        #expect(try Fixture.decide(stranger, home: [line]).standing == .own)
        #expect(try !Fixture.decide(stranger, home: [line]) { $0.system.ownImages = .forbid }.isAccepted)
        #expect(try !Fixture.decide(stranger, home: ["approve image \(Fixture.digest(2))"]).isAccepted)
        // The host's own word is above what it allows to homes.
        let approved = try Fixture.decide(stranger, system: [line]) { $0.system.ownImages = .forbid }
        #expect(approved.isAccepted && approved.standing == .approved)
        // No other approval stands for an endorsement.
        for line in ["approve experiment lhc", "approve environment *", "approve package xz-utils"] {
            #expect(try !Fixture.decide(stranger, system: [line], home: [line]).isAccepted)
        }
    }

    // MARK: Words

    @Test func theStepsSayRuleByRuleWhatWasFound() throws {
        let decision = try Fixture.decide(
            system: [
                "ban environment ilc/*", "ban package xz-utils 5.6.0", "approve experiment lhc", "ban environment *",
            ])
        let steps = decision.steps.map(\.description)
        #expect(
            steps.contains(
                "rule 2 of /etc/sojourn/config.yaml:11, ban package xz-utils 5.6.0: does not match: it has xz-utils 5.4.1-1"
            ))
        #expect(
            steps.contains(
                "rule 3 of /etc/sojourn/config.yaml:12, approve experiment lhc: matches: lhc endorses it in images; the 1 below "
                    + "it are not looked at"))
        #expect(steps.first?.contains("counts: signed by alice (aaaaaaaaaaaa), 1 needed") == true)
        #expect(decision.steps.filter { $0.outcome == .refuses }.isEmpty)
    }

    @Test func aDecisionComesBackFromJSON() throws {
        let decision = try Fixture.decide(system: ["ban package xz-utils"])
        #expect(try JSONDecoder().decode(Decision.self, from: try JSONEncoder().encode(decision)) == decision)
        let image = Fixture.image()
        #expect(try JSONDecoder().decode(ArtifactFacts.self, from: try JSONEncoder().encode(image)) == image)
    }
}

@Suite struct ChoiceTests {
    private typealias Fixture = AcceptanceFixture

    private let old = Fixture.image(1, endorsements: [Fixture.endorsement(endorsed: -30)])
    private let new = Fixture.image(2, endorsements: [Fixture.endorsement(endorsed: -5)])

    @Test func theNewestIsChosen() throws {
        let choice = try Fixture.rules().choose(among: [old, new], at: Fixture.now)
        #expect(choice.chosen?.digest == new.digest && choice.refusal == nil)
        #expect(
            choice.passedOver.map(\.decision.digest) == [old.digest] && choice.passedOver[0].because == "it is older")
        #expect(try Fixture.rules().choose(among: [], at: Fixture.now).chosen == nil)
    }

    @Test func whereTheNewestIsRefusedTheSiteSaysWhetherTheLastValidRuns() throws {
        let ban = ["ban image \(new.digest)"]
        let last = try Fixture.rules(system: ban).choose(among: [old, new], at: Fixture.now)
        #expect(last.chosen?.digest == old.digest && last.passedOver[0].because.hasPrefix("refused: rule 1 of"))
        let changes: [(inout SiteRules) -> Void] = [
            { ($0.system.newestRefused, $0.home.newestRefused) = (.refuse, .lastValid) },
            { ($0.system.newestRefused, $0.home.newestRefused) = (.lastValid, .refuse) },
        ]
        for change in changes {
            let none = try Fixture.rules(system: ban, change).choose(among: [old, new], at: Fixture.now)
            #expect(none.chosen == nil && none.refusal?.message.contains("wants no older one") == true)
            #expect(none.passedOver.count == 2)
            #expect(try Fixture.rules(change).choose(among: [old, new], at: Fixture.now).chosen?.digest == new.digest)
        }
    }

    @Test func whatWasTakenBackOrNeverOfferedIsNotTheNewest() throws {
        let withdrawn = Fixture.image(
            3, endorsements: [Fixture.endorsement(endorsed: -1, fault: EndorsementFault(.withdrawn))])
        let stranger = Fixture.image(4, created: -1, endorsements: [])
        let expired = Fixture.image(5, endorsements: [Fixture.endorsement(endorsed: -1, until: 0)])
        let rules = try Fixture.rules { $0.system.newestRefused = .refuse }
        #expect(rules.choose(among: [old, withdrawn, stranger], at: Fixture.now).chosen?.digest == old.digest)
        #expect(rules.choose(among: [old, expired], at: Fixture.now).chosen == nil)
    }

    /// A catalogue of which nothing can be believed says nothing about what is newer.
    @Test func aCatalogueWithoutAWordDoesNotChangeTheOrder() throws {
        let silent = AcceptanceFixture.endorsement(
            catalogue: "silent", name: nil, endorsed: 0, fault: EndorsementFault(.notSynchronised))
        let old = AcceptanceFixture.image(1, isBuiltHere: true, created: -20, endorsements: [silent])
        let new = AcceptanceFixture.image(2, isBuiltHere: true, created: -10, endorsements: [silent])
        let choice = try AcceptanceFixture.rules().choose(among: [old, new], at: AcceptanceFixture.now)
        #expect(choice.chosen?.digest == new.digest)
    }

    @Test func imagesOfOneMomentAreInOneOrder() throws {
        let twin = Fixture.image(9, endorsements: old.endorsements)
        let rules = try Fixture.rules()
        #expect(
            rules.choose(among: [old, twin], at: Fixture.now) == rules.choose(among: [twin, old], at: Fixture.now))
    }
}
