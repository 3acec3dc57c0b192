import ArgumentParser
import Distribution
import GridModel
import ImageStore
import Linux
import Machine
import Settings
import Trust

struct SiteTrust: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trust",
        abstract: "Trust a catalogue, or follow an image list of HEPiX.",
        discussion: """
            Trust begins with the catalogue's root: its file, or the sha256 of its 1.root.json, from somebody you believe and \
            not from where the catalogue is served. Nothing is fetched yet: 'sojourn site sync' does that.
            """)

    @OptionGroup var place: SiteFileOptions
    @Argument(help: "Where it is served.", transform: HTTPAddress.init(parsing:)) var url: HTTPAddress
    @Option(name: .long, help: "What this site calls it; by default the last part of the address.") var name: String?
    @Option(name: .long, help: "The file of the root that trust begins with.", completion: .file()) var root: String?
    @Option(
        name: .long, help: ArgumentHelp("The sha256 of the catalogue's 1.root.json.", valueName: "digest"),
        transform: { try Digest(parsing: $0.hasPrefix("sha256:") ? $0 : "sha256:\($0)") })
    var fingerprint: Digest?
    @Option(
        name: .long, help: ArgumentHelp("It is an image list with this dc:identifier.", valueName: "uuid"))
    var imageList: String?
    @Option(
        name: .long,
        help: ArgumentHelp("For an image list: the directory of CA certificates and CRLs.", valueName: "dir"),
        completion: .directory)
    var authorities: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "For an image list: the subject of the only certificate whose lists are taken, /DC=…", valueName: "dn"))
    var endorser: String?
    @Option(name: .long, help: ArgumentHelp("With --endorser: the subject of its authority.", valueName: "dn"))
    var issuer: String?

    func validate() throws {
        if (endorser == nil) != (issuer == nil) || (endorser != nil && imageList == nil) {
            throw ValidationError("--endorser and --issuer belong together, to an --image-list")
        }
        let ways = [root != nil, fingerprint != nil, imageList != nil].count { $0 }
        guard ways == 1 else {
            throw ValidationError(
                "say what trust begins with: --root FILE or --fingerprint DIGEST, or --image-list UUID for an image list"
            )
        }
        if authorities != nil && imageList == nil {
            throw ValidationError("--authorities belongs to an --image-list")
        }
    }

    func run() throws {
        let home = try place.home.open()
        if !place.system, let refusal = try Configuration.read(home).site.ownCataloguesRefusal {
            throw ConfigurationError(.invalid, "this home may trust no catalogue of its own: \(refusal)")
        }
        let name = name ?? Self.name(of: url)
        if let imageList {
            try place.file().insert(
                try TrustedImageList(
                    name: name, url: url, identifier: imageList,
                    authorities: authorities ?? TrustedImageList.usualAuthorities, endorser: endorser, issuer: issuer))
            if endorser == nil {
                Report.line(
                    "sojourn: whoever an authority there has certified can sign a list in its place; name the endorser with "
                        + "--endorser and --issuer")
            }
        } else {
            let begin = try root.map { try Files.read($0, limit: TUF.Limit.root) }
            if let begin, let root { _ = try TrustedMetadata(root: begin, now: .now, source: root) }
            let digest = fingerprint ?? BlobHash.digest(of: begin ?? [])
            let catalogue = try TrustedCatalogue(name: name, url: url, root: digest)
            try place.file().insert(catalogue)
            // Homes of the host's other users get it by its digest when they synchronise.
            if let begin { try CatalogueSync.keep(root: begin, of: name, home: home, now: .now) }
        }
        Report.line("sojourn: \(name) is trusted; fetch what it endorses: sojourn site sync")
    }

    static func name(of url: HTTPAddress) -> String {
        let parts = url.description.split(separator: "/").dropFirst()
        return parts.last.map { String($0.prefix { $0 != ":" }) } ?? "catalogue"
    }
}

struct SiteDistrust: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "distrust", abstract: "Trust a catalogue or image list no more.")

    @OptionGroup var place: SiteFileOptions
    @Argument(help: "What this site calls it.") var name: String

    func run() throws {
        let file = try place.file()
        if try file.read().imageLists.contains(where: { $0.name == name }) {
            return try file.remove(imageList: name)
        }
        try file.remove(catalogue: name)
    }
}
