package import Attestation
package import GridModel
import ImageFormat
package import ImageStore
import Linux
import Trust

/// The rebuild statements that a catalogue holds: `rebuilds/sha256/IMAGE/KEY.json`, each an envelope that whoever reads it
/// verifies anew. No role of TUF's signs for them: they need no endorser's word.
package struct CatalogueRebuilds {
    private let catalogue: Catalogue
    /// Of one image: strangers could send any number.
    private static let most = 256

    package init(_ catalogue: Catalogue) { self.catalogue = catalogue }

    private func directory(of image: Digest) -> String { "\(catalogue.directory)/rebuilds/sha256/\(image.hex)" }

    private func path(of statement: RebuildStatement) -> String {
        "\(directory(of: statement.image))/\(statement.signer.id).json"
    }

    /// Those that can be believed to be of whom they name, about one image.
    package func statements(about image: Digest) throws -> [RebuildStatement] {
        let directory = directory(of: image)
        guard Files.isDirectory(directory) else { return [] }
        return try Files.list(directory).filter { $0.hasSuffix(".json") }.sorted().prefix(Self.most).compactMap {
            name in
            let path = "\(directory)/\(name)"
            let bytes = try Files.read(path, limit: RebuildStatement.limit)
            do {
                let statement = try RebuildStatement(decoding: bytes, source: path)
                return statement.image == image && name == "\(statement.signer.id).json" ? statement : nil
            } catch is AttestationError {
                return nil
            } catch is TrustError {
                return nil
            }
        }
    }

    /// Who rebuilt what a catalogue endorses; nobody where its manifest is not there.
    func count(_ digest: Digest, role: String, _ rules: RebuildRules) throws -> RebuildCount {
        let statements = try statements(about: digest)
        guard !statements.isEmpty, let manifest = try CatalogueBlobs(catalogue).manifest(digest) else {
            return RebuildCount(independent: [], others: 0)
        }
        return rules.count(
            statements, of: manifest, digest, role: role,
            builders: try Builders.ids(of: digest, inLayout: catalogue.directory))
    }
}

// MARK: - Collecting

extension CatalogueRebuilds {
    /// A statement that was taken.
    package struct Collected: Sendable, Encodable {
        package let image: Digest
        package let name: String
        /// The key's id.
        package let key: String
        /// As the catalogue lists the key; nil for one that it does not list.
        package let rebuilder: String?
        package let rebuilt: Timestamp
        /// False where the catalogue had it, or a newer one by the same key.
        package let isNew: Bool
    }

    /// Takes a statement of anybody's about an image that the catalogue endorses, or that a draft is to endorse. `store` may
    /// have the image of a draft.
    package func collect(_ bytes: [UInt8], source: String, _ store: ImageStore) throws -> Collected {
        let statement = try RebuildStatement(decoding: bytes, source: source)
        let published = try catalogue.published()
        guard let name = try name(of: statement.image, published) else {
            throw DistributionError(
                .refused,
                "\(source) is about \(statement.image), which \(catalogue.directory) does not endorse and no draft of it is "
                    + "about; endorse it first: sojourn endorse \(statement.image.short) --until TIME --catalogue "
                    + catalogue.directory)
        }
        if let manifest = try manifest(of: statement.image, store) {
            try statement.check(against: manifest, statement.image, source: source)
        }
        let isNew = try catalogue.withLock { try write(statement, source) }
        return Collected(
            image: statement.image, name: name, key: statement.signer.id.hex,
            rebuilder: try RebuildRules(published.targets).name(of: statement.signer),
            rebuilt: statement.rebuild.rebuilt, isNew: isNew)
    }

    /// Under the lock.
    private func write(_ statement: RebuildStatement, _ source: String) throws -> Bool {
        let known = try statements(about: statement.image)
        if let own = known.first(where: { $0.signer == statement.signer }) {
            guard own.rebuild.rebuilt < statement.rebuild.rebuilt else { return false }
        } else if known.count >= Self.most {
            throw DistributionError(
                .refused,
                "\(source): there are \(known.count) statements about \(statement.image) already; remove what nobody needs from "
                    + directory(of: statement.image))
        }
        try Files.makeDirectories(directory(of: statement.image))
        try Files.write(statement.bytes, to: path(of: statement))
        return true
    }

    /// As what an image is endorsed, or is about to be; nil for any other.
    private func name(of image: Digest, _ published: PublishedCatalogue) throws -> String? {
        if let entry = try published.endorsements().first(where: { $0.digest == image }) {
            return entry.name.description
        }
        guard Files.isDirectory(catalogue.drafts) else { return nil }
        for file in try Files.list(catalogue.drafts) where file.hasSuffix(".json") {
            let path = "\(catalogue.drafts)/\(file)"
            let bytes = try Files.read(path, limit: TUF.Limit.targets)
            let draft = try TUF.Draft(decoding: bytes, source: path)
            guard !["root", "targets"].contains(draft.role), draft.version == published.version(of: draft.role) + 1
            else {
                continue
            }
            let entries = try draft.metadata(TUF.Targets.self).content.endorsements(source: path)
            if let entry = entries.values.first(where: { $0.digest == image }) { return entry.name.description }
        }
        return nil
    }

    private func manifest(of image: Digest, _ store: ImageStore) throws -> OCIManifest? {
        if let manifest = try CatalogueBlobs(catalogue).manifest(image) { return manifest }
        do { return try store.artifact(reference: image.description).manifest } catch let error as ImageStoreError
            where error.code == .unknownReference
        { return nil }
    }
}

// MARK: - Requiring

extension Publication {
    /// Refuses drafts whose images too few have rebuilt: `requiredRebuilds`, or more where the experiment's entry in
    /// `targets` asks for more.
    func checkRebuilds(_ next: NextMetadata) throws {
        let rules = try RebuildRules(next.roles["targets"]?.content)
        for draft in next.drafts where !["root", "targets"].contains(draft.role) {
            let required = max(requiredRebuilds, rules.required(of: draft.role))
            guard required > 0 else { continue }
            for entry in try next.newEntries(draft) {
                let count = try count(entry, rules, draft.role)
                guard let count, count.independent.count < required else { continue }
                let why =
                    requiredRebuilds < required
                    ? "the catalogue asks for of '\(draft.role)'" : "--require-rebuilds asks for"
                throw DistributionError(
                    .refused,
                    "\(entry.name.description) (\(entry.digest)) has \(count.independent.count) of the \(required) independent "
                        + "rebuilds that \(why): \(count.text). Where a rebuilder is: sojourn image rebuild \(entry.digest.short) "
                        + "--statement FILE; and here: sojourn catalogue collect FILE --catalogue \(catalogue.directory)"
                )
            }
        }
    }

    /// Nil where its manifest is nowhere: bringing it will say so.
    private func count(_ entry: Endorsement, _ rules: RebuildRules, _ role: String) throws -> RebuildCount? {
        var builders = try Builders.ids(of: entry.digest, inLayout: catalogue.directory)
        var manifest = try CatalogueBlobs(catalogue).manifest(entry.digest)
        do {
            let artifact = try store.artifact(reference: entry.digest.description)
            manifest = manifest ?? artifact.manifest
            builders.formUnion(try Builders.ids(of: entry.digest, in: store))
        } catch let error as ImageStoreError where error.code == .unknownReference {}
        let statements = try CatalogueRebuilds(catalogue).statements(about: entry.digest)
        return manifest.map { rules.count(statements, of: $0, entry.digest, role: role, builders: builders) }
    }
}
