package import GridModel
package import ImageFormat
package import ImageStore
import Linux
package import Policy
package import Settings
import Trust

/// What this home knows of images and kernels, held against the site's rules: what may run now, and why.
package struct SiteAcceptance {
    package let settings: SiteSettings
    /// The moment that all is judged by.
    package let now: Timestamp
    package let store: ImageStore
    private var catalogues: [Catalogue]
    private let lists: ImageListFacts

    /// A catalogue that is trusted, or why nothing of it can be believed.
    private struct Catalogue {
        let source: TrustedCatalogue
        var followed: FollowedCatalogue?
        var fault: EndorsementFault?
        /// Of one role: the others are believed as before.
        var roleFaults: [String: EndorsementFault] = [:]
    }

    /// An image or kernel that may be meant: here already, or served by a catalogue.
    package enum Candidate: Sendable {
        case stored(StoredArtifact)
        case served(CatalogueEntry, by: TrustedCatalogue)

        package var digest: Digest {
            switch self {
            case .stored(let artifact): artifact.digest
            case .served(let entry, _): entry.digest
            }
        }

        /// The environment of an image, or the name of a kernel.
        package var name: String {
            switch self {
            case .stored(let artifact): artifact.name
            case .served(let entry, _): entry.name
            }
        }

        package var isKernel: Bool {
            switch self {
            case .stored(.kernel): true
            case .stored(.image): false
            case .served(let entry, _): entry.isKernel
            }
        }
    }

    package init(_ home: Home, _ settings: SiteSettings, now: Timestamp) throws {
        self.settings = settings
        self.now = now
        store = try ImageStore(home: home)
        lists = try ImageListFacts(settings.imageLists, home: home, now: now)
        catalogues = settings.catalogues.map { source in
            do { return Catalogue(source: source, followed: try FollowedCatalogue(source, home: home)) } catch {
                return Catalogue(source: source, fault: Self.fault(error))
            }
        }
    }

    /// May this run here now?
    package mutating func decide(_ artifact: StoredArtifact) throws -> Decision {
        settings.rules.decide(try facts(artifact), at: now)
    }

    /// Catalogues that are trusted and of which something can be believed.
    package var followed: [FollowedCatalogue] { catalogues.compactMap(\.followed) }

    /// Why nothing of a catalogue can be believed, by its name.
    package var faults: [(catalogue: String, because: String)] {
        catalogues.compactMap { catalogue in
            catalogue.fault.map { (catalogue.source.name, $0.because ?? $0.kind.rawValue) }
        }
    }

    /// Which of all that go by a name is to run; with it what was chosen.
    package mutating func choose(_ name: String, isKernel: Bool) throws -> (choice: Choice, candidate: Candidate?) {
        let candidates = try candidates(name, isKernel: isKernel)
        var facts: [ArtifactFacts] = []
        for candidate in candidates { facts.append(try self.facts(candidate)) }
        let choice = settings.rules.choose(among: facts, at: now)
        return (choice, choice.chosen.flatMap { chosen in candidates.first { $0.digest == chosen.digest } })
    }
}

// MARK: - Fetching

extension SiteAcceptance {
    /// Where to fetch a served candidate from: its kernel first, where that is not here.
    package mutating func sources(of candidate: Candidate) throws -> [ImageFetch.Source] {
        guard case .served(let entry, let source) = candidate else { return [] }
        let own = ImageFetch.Source(entry: entry, catalogue: source)
        if entry.isKernel { return [own] }
        let documents = ServedDocuments(CatalogueDirectory(store.home, name: source.name))
        guard let kernel = try documents.configuration(of: entry)?.kernel else {
            throw DistributionError(
                .notSynchronised, "what tells of \(entry.name) is not here yet; run: sojourn site sync")
        }
        if try store.kernels().contains(where: { $0.digest == kernel }) { return [own] }
        for index in catalogues.indices {
            for found in try entries(of: "os", in: index) where found.digest == kernel && found.isKernel {
                return [ImageFetch.Source(entry: found, catalogue: catalogues[index].source), own]
            }
        }
        throw DistributionError(
            .unknownReference,
            "\(entry.name) (\(entry.digest.short)) needs the kernel \(kernel), which no catalogue trusted here endorses; "
                + "ask those who publish \(source.name)")
    }

    /// All that catalogues serve, by name.
    package mutating func allServed() throws -> [Candidate] {
        var found: [Digest: Candidate] = [:]
        for index in catalogues.indices {
            let source = catalogues[index].source
            for role in catalogues[index].followed?.roles ?? [] {
                for entry in try entries(of: role, in: index) {
                    found[entry.digest] = found[entry.digest] ?? .served(entry, by: source)
                }
            }
        }
        return found.values.sorted { $0.digest < $1.digest }
    }
}

// MARK: - Candidates

extension SiteAcceptance {
    private mutating func candidates(_ name: String, isKernel: Bool) throws -> [Candidate] {
        let stored = try store.artifacts(named: name, isKernel: isKernel).filter(Self.isFinished)
        let here = Set(stored.map(\.digest))
        return stored.map(Candidate.stored)
            + (try served(name, isKernel: isKernel).filter { !here.contains($0.digest) })
    }

    /// What was built here and has not passed its checks never had its name.
    private static func isFinished(_ artifact: StoredArtifact) -> Bool {
        !artifact.isBuiltHere || artifact.standing.isNewest || artifact.standing.wasNewest
    }

    private mutating func served(_ name: String, isKernel: Bool) throws -> [Candidate] {
        var found: [Digest: Candidate] = [:]
        let role = CatalogueEntry.role(of: name, isKernel: isKernel)
        for index in catalogues.indices {
            let source = catalogues[index].source
            for entry in try entries(of: role, in: index) where entry.name == name {
                found[entry.digest] = found[entry.digest] ?? .served(entry, by: source)
            }
        }
        return Array(found.values)
    }

    /// Nothing of a role that does not hold.
    private mutating func entries(of role: String, in index: Int) throws -> [CatalogueEntry] {
        if catalogues[index].roleFaults[role] != nil { return [] }
        do { return try catalogues[index].followed.map { _ in try followedEntries(role, index) } ?? [] } catch {
            catalogues[index].roleFaults[role] = Self.fault(error)
            return []
        }
    }

    private mutating func followedEntries(_ role: String, _ index: Int) throws -> [CatalogueEntry] {
        guard var followed = catalogues[index].followed else { return [] }
        let entries = try followed.entries(of: role)
        catalogues[index].followed = followed
        return Array(entries.values)
    }
}

// MARK: - Facts

extension SiteAcceptance {
    package mutating func facts(_ candidate: Candidate) throws -> ArtifactFacts {
        switch candidate {
        case .stored(let artifact): return try facts(artifact)
        case .served(let entry, let source):
            let documents = ServedDocuments(CatalogueDirectory(store.home, name: source.name))
            return ArtifactFacts(
                digest: entry.digest, name: entry.name, isKernel: entry.isKernel, created: entry.endorsed,
                packages: Self.packages(of: entry, documents),
                endorsements: try endorsements(of: entry.digest, as: entry.name, isKernel: entry.isKernel, nil))
        }
    }

    package mutating func facts(_ artifact: StoredArtifact) throws -> ArtifactFacts {
        let isKernel = if case .kernel = artifact { true } else { false }
        let manifest = try store.manifestBytes(of: artifact)
        return ArtifactFacts(
            digest: artifact.digest, name: artifact.name, isKernel: isKernel, created: try moment(artifact),
            packages: try packages(artifact), isBuiltHere: artifact.isBuiltHere,
            endorsements: try endorsements(of: artifact.digest, as: artifact.name, isKernel: isKernel, manifest))
    }

    /// Nil too where what tells of it is not what it should be: nobody then knows what is in it.
    private static func packages(of entry: CatalogueEntry, _ documents: ServedDocuments) -> [PackageFact]? {
        do { return try documents.packages(of: entry)?.map(PackageFact.init) } catch { return nil }
    }

    /// When it came to be what its name means here: what was built last is newer than what was built before, whatever the
    /// dates of its packages.
    private func moment(_ artifact: StoredArtifact) throws -> Timestamp {
        guard artifact.isBuiltHere, artifact.standing.isNewest else { return artifact.created }
        return max(artifact.standing.registered ?? artifact.created, artifact.created)
    }

    /// Nil where there is no list of them.
    private func packages(_ artifact: StoredArtifact) throws -> [PackageFact]? {
        do { return try store.packages(of: artifact).packages.map(PackageFact.init) } catch let error
            as ImageFormatError where error.code == .invalidManifest
        { return nil }
    }

    private mutating func endorsements(
        of digest: Digest, as name: String, isKernel: Bool, _ manifest: [UInt8]?
    ) throws -> [EndorsementFact] {
        var facts = manifest.map { lists.endorsements(ofManifest: $0) } ?? []
        let role = CatalogueEntry.role(of: name, isKernel: isKernel)
        for index in catalogues.indices {
            let source = catalogues[index].source
            do {
                if catalogues[index].roleFaults[role] == nil,
                    let fact = try catalogues[index].followed?.endorsement(of: digest, as: name, isKernel: isKernel)
                {
                    facts.append(fact)
                }
            } catch {
                catalogues[index].roleFaults[role] = Self.fault(error)
            }
            if let fault = catalogues[index].fault ?? catalogues[index].roleFaults[role] {
                facts.append(
                    EndorsementFact(
                        catalogue: source.name, experiment: role, name: nil, endorsed: Timestamp(seconds: 0),
                        until: Timestamp(seconds: 0), endorsers: [],
                        threshold: 1, expires: Timestamp(seconds: 0), fault: fault))
            }
        }
        return facts
    }

    private static func fault(_ error: any Error) -> EndorsementFault {
        if let error = error as? DistributionError, error.code == .notSynchronised {
            return EndorsementFault(.notSynchronised, because: error.message)
        }
        return EndorsementFault(.damaged, because: "\(error)")
    }
}

extension PackageFact {
    package init(_ package: InstalledPackage) {
        let ecosystem: Ecosystem =
            switch package.type {
            case .apk: .apk
            case .deb: .deb
            case .pypi: .pypi
            case .rpm: .rpm
            }
        self.init(name: package.name, version: package.version, ecosystem: ecosystem, source: package.source)
    }
}
