import ArgumentParser
import Distribution
import KeyStore
import Linux
import StrictJSON
import Trust

/// Adds the signatures of this home's keys to a draft.
struct DraftSigning {
    let path: String
    /// Nil: all keys of this home that may.
    let key: String?
    let catalogue: String?
    let keys: KeyRing

    func run(asJSON json: Bool) throws {
        var draft = try TUF.Draft(decoding: try Files.read(path, limit: TUF.Limit.targets), source: path)
        let published = try published()
        // Also refuses a stale one.
        if let published { _ = try DraftState.of([draft], published) }
        let names = try signers(of: draft, published)
        for line in try draft.description(against: published) { Report.line("sojourn: \(line)") }
        if published == nil, draft.role != "root", draft.role != "targets" {
            Report.line("sojourn: this is what the draft says of itself; --catalogue DIR shows what it changes")
        }
        try keys.sign(&draft, with: names)
        try Files.write(try draft.encoded(), to: path)
        Report.line("sojourn: signed with \(names.map(\.description).joined(separator: ", "))")
        if let published {
            let made = Drafting.Made(draft, at: path)
            return try DraftReport([made], published).show(Catalogue(at: catalogue ?? ""), asJSON: json)
        }
        if json { return try Report.data(try StrictJSON.encode([path], pretty: true)) }
        print(path)
    }

    private func published() throws -> PublishedCatalogue? {
        guard let catalogue = catalogue.map(Catalogue.init(at:)), catalogue.isPublished else { return nil }
        return try catalogue.published()
    }

    /// Whoever makes a draft lists in it who may sign.
    private func signers(of draft: TUF.Draft, _ published: PublishedCatalogue?) throws -> [KeyName] {
        let held = try keys.held(draft.signers)
        guard let key else {
            guard !held.isEmpty else {
                let ids = draft.signers.map { String($0.prefix(12)) }.joined(separator: ", ")
                throw ValidationError(
                    "no key of this home may sign \(path), a draft of '\(draft.role)': it asks for the keys \(ids); see: "
                        + "sojourn key list")
            }
            return held
        }
        let name = try KeyName(parsing: key)
        guard held.contains(name) else {
            throw ValidationError(
                "the key \(name) (\(try keys.named(name).id.prefix(12))) does not sign for '\(draft.role)', of which \(path) "
                    + "is a draft; its signature would not count")
        }
        return [name]
    }
}
