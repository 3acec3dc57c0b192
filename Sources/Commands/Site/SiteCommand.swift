import ArgumentParser
import Distribution
import GridModel
import ImageStore
import Machine
import Settings

struct SiteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "site",
        abstract: "Choose whom this site trusts, and what may run here.",
        discussion: """
            sojourn site trust http://images.example.org/catalogue --fingerprint sha256:…
            sojourn site sync
            sojourn site ban package xz-utils 5.6.0 --because CVE-2024-3094
            sojourn site explain lhc/pythia8:8.317.2@debian12

            What is chosen stands in config.yaml of the home, with keys that no command sets: mirrors, share-blocks, \
            own-images (allow, forbid), newest-refused (last-valid, refuse), unmatched (accept, refuse); what stands in \
            /etc/sojourn/config.yaml (--system) binds every user of this host.
            """,
        subcommands: [
            SiteShow.self, SiteTrust.self, SiteDistrust.self, SiteSync.self, SiteMirror.self, SiteApprove.self,
            SiteBan.self, SiteForget.self, SiteExplain.self,
        ],
        defaultSubcommand: SiteShow.self)
}

/// Whose choice it is.
struct SiteFileOptions: ParsableArguments {
    @OptionGroup var home: HomeOptions
    @Flag(name: .long, help: "For all users of this host: in /etc/sojourn.") var system = false

    func file() throws -> ConfigurationFile {
        system ? ConfigurationFile() : ConfigurationFile(home: try home.open())
    }
}

extension HomeOptions {
    /// What may run in this home, by what is stored and the rules of now.
    func acceptance() throws -> SiteAcceptance {
        let home = try open()
        return try SiteAcceptance(home, try Configuration.read(home).site, now: .now)
    }
}
