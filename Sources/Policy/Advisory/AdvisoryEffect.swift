package import GridModel

/// What an advisory means for one image or kernel of this site.
package struct AdvisoryEffect: Codable, Equatable, Sendable {
    package var advisory: String
    package var digest: Digest
    package var name: String
    package var isKernel: Bool
    /// Those with the fault; nil where there is no list of packages, and it is taken to have it.
    package var packages: [PackageFact]?
    /// Whether it may run here today.
    package var isAccepted: Bool
    /// When it must have stopped; nil where the advisory has no deadline.
    package var stops: Timestamp?
    /// The newest of the same name that may run here and has not the fault; nil where there is none yet.
    package var replacement: Digest?
}

extension SiteRules {
    /// What of `artifacts` an advisory affects, by name and the newest first, and what replaces it.
    package func effects(
        of advisory: Advisory, on artifacts: [ArtifactFacts], at now: Timestamp
    ) -> [AdvisoryEffect] {
        var kinds: [String: [ArtifactFacts]] = [:]
        for artifact in artifacts {
            kinds[(artifact.isKernel ? "kernel " : "image ") + artifact.name, default: []].append(artifact)
        }
        return kinds.sorted { $0.key < $1.key }.flatMap { _, candidates -> [AdvisoryEffect] in
            let candidates = candidates.sorted(by: Self.isNewer)
            let affected = candidates.filter(advisory.affects)
            if affected.isEmpty { return [] }
            let sound = candidates.lazy.filter { !advisory.affects($0) }
            let replacement = sound.first { decide($0, at: now).isAccepted }?.digest
            return affected.map { artifact in
                AdvisoryEffect(
                    advisory: advisory.id, digest: artifact.digest, name: artifact.name, isKernel: artifact.isKernel,
                    packages: advisory.affectedPackages(of: artifact), isAccepted: decide(artifact, at: now).isAccepted,
                    stops: advisory.deadline, replacement: replacement)
            }
        }
    }
}
