package import GridModel
import ImageFormat
package import ImageStore
import Linux
import StrictJSON

/// Puts an image, its kernel, and what is said about both into a registry, for the tag to be seen when all of it is there.
package struct RegistryPush {
    private let store: ImageStore
    private let access: RegistryAccess
    private let show: (String) -> Void

    package init(_ store: ImageStore, _ access: RegistryAccess, show: @escaping (String) -> Void) {
        self.store = store
        self.access = access
        self.show = show
    }

    /// What a push did.
    package struct Result: Sendable {
        /// With its digest.
        package let reference: RegistryReference
        /// Of what is said that the registry did not list before.
        package let referrers: Int
    }

    /// - Parameter isWhole: false for what is said alone, of an image that the registry has.
    package func run(_ artifact: StoredArtifact, to reference: RegistryReference, isWhole: Bool) throws -> Result {
        guard reference.digest.map({ $0 == artifact.digest }) ?? true else {
            throw RegistryError(
                .wrongReference, "\(reference) is to have the digest of \(artifact.name), \(artifact.digest)")
        }
        let documents = RegistryDocuments(reference, access)
        // Before anything is sent: whether it answers, and lets us in.
        let there = try documents.manifest(.digest(artifact.digest))
        guard isWhole || there != nil else {
            throw RegistryError(
                .notFound, "\(reference) does not have \(artifact.name) (\(artifact.digest)); push the image too")
        }
        return try RegistryDirectory.with(store.home) { directory in
            let layout = try store.layOut(artifact, in: "\(directory)/layout")
            let skopeo = Skopeo(access: access, directory: directory)
            var sum = 0
            for part in layout.parts {
                if isWhole, part.isKernel, !part.isMeant {
                    // Under a tag: registries may remove what no tag leads to.
                    try push(part, to: reference.with(.tag("kernel-\(part.digest.hex)")), skopeo)
                } else if isWhole {
                    try push(part, to: reference.with(.digest(part.digest)), skopeo)
                }
                sum += try list(part, reference, documents, skopeo)
            }
            if isWhole, let part = layout.parts.last {
                try push(part, to: reference.with(reference.version ?? .tag("latest")), skopeo)
            }
            return Result(reference: reference.with(.digest(artifact.digest)), referrers: sum)
        }
    }

    private func push(_ part: LinkedLayout.Part, to reference: RegistryReference, _ skopeo: Skopeo) throws {
        try skopeo.push(
            part.digest, of: "layout", to: reference, Skopeo.Job(what: part.name, bytes: part.bytes, show: show))
    }

    /// Lists what is said about an image under its fallback tag (distribution-spec 1.1, "Referrers Tag Schema"), beside
    /// what others have said; returns how many are new.
    ///
    /// Registries know no condition for a write, so that of two who write the list at once one loses. Each reads right
    /// before it writes, and looks again later than any other would still write what he has read before.
    private func list(
        _ part: LinkedLayout.Part, _ reference: RegistryReference, _ documents: RegistryDocuments, _ skopeo: Skopeo
    ) throws -> Int {
        let tag = "sha256-\(part.digest.hex)"
        let new = Self.missing(part, try ReferrerList.read(documents, of: part.digest))
        if new.isEmpty { return 0 }
        for referrer in new {
            let job = Skopeo.Job(what: "what is said about \(part.name)", bytes: referrer.size, show: show)
            try skopeo.push(referrer.digest, of: "layout", to: reference.with(.digest(referrer.digest)), job)
        }
        for _ in 0..<20 {
            let known = try ReferrerList.read(documents, of: part.digest)
            let lacking = Self.missing(part, known)
            if !lacking.isEmpty {
                try documents.put(index: try StrictJSON.encode(OCIIndex(manifests: known + lacking)), as: tag)
            }
            _ = try Poll.wait([], until: .now.advanced(by: .milliseconds(Int.random(in: 300...600))))
            if try Self.missing(part, ReferrerList.read(documents, of: part.digest)).isEmpty { return new.count }
        }
        throw RegistryError(.busy, "the list \(tag) of \(reference) is being changed all the time; try again")
    }

    private static func missing(_ part: LinkedLayout.Part, _ known: [OCIDescriptor]) -> [OCIDescriptor] {
        part.referrers.filter { referrer in !known.contains { $0.digest == referrer.digest } }
    }
}

extension RegistryReference {
    /// Nil for a tag, or for none.
    package var digest: Digest? { if case .digest(let digest) = version { digest } else { nil } }
}
