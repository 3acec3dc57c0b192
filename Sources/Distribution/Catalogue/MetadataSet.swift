import GridModel
import Trust

/// The metadata files of a catalogue as its writer sees them: what a client would make of them, if nothing had expired.
struct MetadataSet {
    /// From the first to the newest.
    var roots: [[UInt8]]
    var timestamp: [UInt8]
    /// A file by its name, such as `3.lhc.json`.
    var file: (String) throws -> [UInt8]

    /// Follows signatures and versions from the first root to every experiment. The writer must read, and be able to
    /// refresh, what has expired: that is judged where it matters.
    func verified() throws -> TrustedMetadata {
        guard let first = roots.first else {
            throw DistributionError(.unknownReference, "the catalogue has no root")
        }
        var trusted = try TrustedMetadata(root: first, now: Timestamp(seconds: 0), source: "1.root.json")
        for (index, root) in roots.enumerated().dropFirst() {
            try trusted.update(root: root, source: "\(index + 1).root.json")
        }
        try trusted.update(timestamp: timestamp, source: "timestamp.json")
        let version = trusted.timestamp?.content.snapshot.version ?? 0
        try trusted.update(snapshot: try file("\(version).snapshot.json"), source: "\(version).snapshot.json")
        try update("targets", delegator: "root", of: &trusted)
        for delegation in trusted.targets["targets"]?.content.delegations ?? [] {
            try ArtifactName.checkExperiment(delegation.name)
            try update(delegation.name, delegator: "targets", of: &trusted)
        }
        return trusted
    }

    private func update(_ role: String, delegator: String, of trusted: inout TrustedMetadata) throws {
        let name = "\(trusted.version(of: role)).\(role).json"
        try trusted.update(targets: try file(name), role: role, delegator: delegator, source: name)
    }
}

extension TrustedMetadata {
    /// As the snapshot has it; 0 where it has none.
    func version(of role: String) -> Int64 { snapshot?.content.files[role]?.version ?? 0 }
}
