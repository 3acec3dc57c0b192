import ArgumentParser
import Distribution
import GridModel
import Policy
import Settings
import StrictJSON
import Trust

struct SiteShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show whom this site trusts, its rules, and what will expire.")

    @OptionGroup var home: HomeOptions
    @Flag(name: .long, help: "As JSON.") var json = false
    @Option(name: .long, help: "Warn of what expires within this time.", transform: WallTime.init(parsing:))
    var within = WallTime(seconds: 2 * 86400)

    struct Answer: Encodable {
        struct Catalogue: Encodable {
            let name: String
            let url: String
            let root: Digest
            let source: String
            /// What can be believed of it expires then; nil where nothing can.
            let expires: Timestamp?
            let experiments: [String]
        }

        let catalogues: [Catalogue]
        let imageLists: [TrustedImageList]
        /// Asked before the catalogues, in this order.
        let mirrors: [HTTPAddress]
        /// Where machines serve blocks to other hosts.
        let shareBlocks: ListeningAddress?
        let rules: SiteRules
        let unused: [String]
    }

    func run() throws {
        let acceptance = try home.acceptance()
        let followed = Dictionary(uniqueKeysWithValues: acceptance.followed.map { ($0.source.name, $0) })
        let settings = acceptance.settings
        let answer = Answer(
            catalogues: settings.catalogues.map { source in
                let known = followed[source.name]
                return .init(
                    name: source.name, url: source.url.description, root: source.root, source: source.source,
                    expires: known?.trusted.expiry(of: "targets"), experiments: known?.roles ?? [])
            },
            imageLists: settings.imageLists, mirrors: settings.mirrors, shareBlocks: settings.shareBlocks,
            rules: settings.rules,
            unused: settings.unused.map { "\($0.name) (\($0.source)): \($0.because)" })
        if json { try Report.data(try StrictJSON.encode(answer, pretty: true)) } else { show(answer) }
        warn(answer, now: acceptance.now)
    }

    private func show(_ answer: Answer) {
        let rules = answer.rules
        Output.fields([
            ("own images", rules.ownImages.rawValue), ("newest refused", rules.newestRefused.rawValue),
            (
                "unmatched",
                [rules.system, rules.home].contains { $0.unmatched == .refuse } ? "refuse" : "accept"
            ),
            ("advisories", "\(rules.advisories.count)"),
            ("mirrors", answer.mirrors.isEmpty ? "none" : answer.mirrors.map(\.description).joined(separator: ", ")),
            ("shares blocks", answer.shareBlocks.map { "at \($0)" } ?? "no"),
        ])
        if !answer.catalogues.isEmpty {
            print("")
            Output.table(
                ["CATALOGUE", "EXPERIMENTS", "HOLDS UNTIL", "URL"],
                answer.catalogues.map {
                    [
                        $0.name, $0.experiments.joined(separator: ","), $0.expires?.description ?? "not synchronised",
                        $0.url,
                    ]
                })
        }
        if !answer.imageLists.isEmpty {
            print("")
            Output.table(
                ["IMAGE LIST", "IDENTIFIER", "URL"],
                answer.imageLists.map { [$0.name, $0.identifier, $0.url.description] })
        }
        for list in [rules.system, rules.home] where !list.rules.isEmpty {
            print("\n\(list.file):")
            for rule in list.rules {
                print("  \(rule)\(rule.because.map { ", because \($0)" } ?? "")".escapingControls)
            }
        }
        for unused in answer.unused { print("\nnot used: \(unused)") }
    }

    private func warn(_ answer: Answer, now: Timestamp) {
        for catalogue in answer.catalogues {
            guard let expires = catalogue.expires, expires.seconds - now.seconds < within.seconds else { continue }
            let word = expires <= now ? "expired" : "expires"
            Report.line("sojourn: what is known of \(catalogue.name) \(word) on \(expires); run: sojourn site sync")
        }
    }
}
