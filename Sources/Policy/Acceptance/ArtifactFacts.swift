package import GridModel

/// What is known of one image or kernel when it is asked whether it may run.
package struct ArtifactFacts: Codable, Equatable, Sendable {
    package var digest: Digest
    /// What it is to run as: an environment (`lhc/pythia8:8.317.2@debian12`) or a kernel (`kernel-debian12`).
    package var name: String
    package var isKernel: Bool
    package var created: Timestamp
    /// Nil where it has no list of packages: it is then taken to have every package that is banned.
    package var packages: [PackageFact]?
    /// In this home.
    package var isBuiltHere: Bool
    /// What every trusted catalogue and image list says of it.
    package var endorsements: [EndorsementFact]

    package init(
        digest: Digest, name: String, isKernel: Bool = false, created: Timestamp, packages: [PackageFact]?,
        isBuiltHere: Bool = false, endorsements: [EndorsementFact] = []
    ) {
        self.digest = digest
        self.name = name
        self.isKernel = isKernel
        self.created = created
        self.packages = packages
        self.isBuiltHere = isBuiltHere
        self.endorsements = endorsements
    }

    /// For the order of candidates: when it was last endorsed under its name, else when it was made.
    package var moment: Timestamp {
        endorsements.filter { $0.fault == nil && $0.isFor(self) }.map(\.endorsed).max() ?? created
    }
}

/// What one catalogue or image list says of one artifact.
package struct EndorsementFact: Codable, Equatable, Sendable {
    /// The catalogue's or image list's name at this site.
    package var catalogue: String
    /// The experiment that endorses: the role of a catalogue, the organisation of an image list.
    package var experiment: String
    /// The environment or kernel that the artifact is endorsed as; nil: as what it says itself (image lists).
    package var name: String?
    package var endorsed: Timestamp
    package var until: Timestamp
    /// Those whose signatures were verified, each once.
    package var endorsers: [EndorserFact]
    /// How many of them it takes.
    package var threshold: Int
    /// The earliest expiry in the chain of signed metadata that says so.
    package var expires: Timestamp
    /// Why the catalogue's word does not hold now, whatever the times say.
    package var fault: EndorsementFault?

    package init(
        catalogue: String, experiment: String, name: String?, endorsed: Timestamp, until: Timestamp,
        endorsers: [EndorserFact], threshold: Int, expires: Timestamp, fault: EndorsementFault? = nil
    ) {
        self.catalogue = catalogue
        self.experiment = experiment
        self.name = name
        self.endorsed = endorsed
        self.until = until
        self.endorsers = endorsers
        self.threshold = threshold
        self.expires = expires
        self.fault = fault
    }

    /// Whether it is about what the artifact is to run as.
    package func isFor(_ artifact: ArtifactFacts) -> Bool { name == nil || name == artifact.name }
}

/// Who signed.
package struct EndorserFact: Codable, Equatable, Sendable, CustomStringConvertible {
    /// A key's id, 64 hexadecimal digits; of an image list, the name in the signer's certificate.
    package var key: String
    package var name: String?

    package init(key: String, name: String? = nil) {
        self.key = key
        self.name = name
    }

    package var description: String { name.map { "\($0) (\(key.prefix(12)))" } ?? String(key.prefix(64)) }
}

/// Why an endorsement does not hold though its entry was once read.
package struct EndorsementFault: Codable, Equatable, Sendable {
    package enum Kind: String, Codable, Sendable {
        /// The catalogue's metadata has expired.
        case expired
        /// Nothing of the catalogue was ever fetched.
        case notSynchronised
        /// What is kept of the catalogue is not what was verified.
        case damaged
        /// The endorsers took it back.
        case withdrawn
    }

    package var kind: Kind
    package var since: Timestamp?
    package var because: String?

    package init(_ kind: Kind, since: Timestamp? = nil, because: String? = nil) {
        self.kind = kind
        self.since = since
        self.because = because
    }

    func description(of catalogue: String) -> String {
        let what =
            switch kind {
            case .expired: "the metadata of \(catalogue) has expired"
            case .notSynchronised: "\(catalogue) was never synchronised here"
            case .damaged: "what is kept of \(catalogue) is damaged"
            case .withdrawn: "\(catalogue) has withdrawn it"
            }
        return what + (since.map { ", \($0)" } ?? "") + (because.map { ": \($0)" } ?? "")
    }

    func remedy(for catalogue: String) -> String {
        switch kind {
        case .expired, .notSynchronised, .damaged:
            "run 'sojourn site sync'; if that does not help, ask those who publish \(catalogue)"
        case .withdrawn: "use the image that \(catalogue) endorses in its place ('sojourn site sync' fetches it)"
        }
    }
}
