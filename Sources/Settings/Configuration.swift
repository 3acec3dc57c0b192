package import ImageStore
import Linux
package import Policy
import StrictYAML

/// What a site has chosen: `config.yaml` in `/etc/sojourn`, and below it in the home, with the advisories beside both.
package struct Configuration: Equatable, Sendable {
    /// Where the host's file and advisories are.
    package static let systemDirectory = "/etc/sojourn"

    package var host: HostSettings
    package var site: SiteSettings

    /// Of a host and a home. `system` is where the host's file is.
    package static func read(_ home: Home, system: String = systemDirectory) throws -> Configuration {
        let host = try ConfigurationFile(system: system).read()
        let own = try ConfigurationFile(home: home).read()
        guard own.userCatalogues == nil else {
            throw ConfigurationError(
                .invalid,
                "\(own.rules.file): 'user-catalogues' is the host's to say, in \(host.rules.file); remove the line")
        }
        let hasFile = try Files.isThere(host.rules.file)
        return Configuration(
            host: hasFile ? own.host.under(host.host) : own.host,
            site: SiteSettings(
                system: host, own: own,
                advisories: try AdvisoryDirectory(system: system).all() + AdvisoryDirectory(home: home).all()))
    }
}

/// What a site trusts, and its rules.
package struct SiteSettings: Equatable, Sendable {
    /// Something that is configured and not used, and why.
    package struct Unused: Equatable, Sendable {
        package let name: String
        package let source: String
        package let because: String
    }

    /// Those in force: the host's first.
    package var catalogues: [TrustedCatalogue]
    package var imageLists: [TrustedImageList]
    package var rules: SiteRules
    /// Copies of catalogues, asked before these: the host's first. Nothing of what they say is believed more.
    package var mirrors: [HTTPAddress]
    /// Where supervisors serve blocks to other hosts: the host's choice before the home's; nil: nowhere.
    package var shareBlocks: ListeningAddress?
    package var unused: [Unused]
    /// Why this home may trust no catalogues or image lists of its own; nil where it may.
    package var ownCataloguesRefusal: String?

    init(system: ConfigurationDocument, own: ConfigurationDocument, advisories: [Advisory]) {
        catalogues = system.catalogues
        imageLists = system.imageLists
        rules = SiteRules(system: system.rules, home: own.rules, advisories: advisories)
        mirrors = system.mirrors + own.mirrors.filter { !system.mirrors.contains($0) }
        shareBlocks = system.shareBlocks ?? own.shareBlocks
        unused = []
        let file = system.rules.file
        let remedy = "have it added there, or 'user-catalogues: allow'"
        switch (system.userCatalogues, system.catalogues.isEmpty && system.imageLists.isEmpty) {
        case (.forbid, _):
            ownCataloguesRefusal = "\(file) has 'user-catalogues: forbid'; \(remedy)"
        case (nil, false):
            ownCataloguesRefusal = "\(file) names what users of this host trust; \(remedy)"
        case (.allow, _), (nil, true): ownCataloguesRefusal = nil
        }
        for catalogue in own.catalogues {
            if let because = refusal(of: catalogue.name, among: catalogues.map(\.name), file) {
                unused.append(Unused(name: catalogue.name, source: catalogue.source, because: because))
            } else {
                catalogues.append(catalogue)
            }
        }
        for list in own.imageLists {
            if let because = refusal(of: list.name, among: imageLists.map(\.name), file) {
                unused.append(Unused(name: list.name, source: list.source, because: because))
            } else {
                imageLists.append(list)
            }
        }
    }

    private func refusal(of name: String, among names: [String], _ file: String) -> String? {
        if let ownCataloguesRefusal { return ownCataloguesRefusal }
        return names.contains(name) ? "\(file) has one of the name '\(name)'; give it another name" : nil
    }
}
