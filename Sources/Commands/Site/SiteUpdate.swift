import Distribution
import GridModel
import HTTPTransport
import ImageLists
import ImageStore
import Settings

/// Brings one home up to date, source by source: a source that fails leaves the others alone.
struct SiteUpdate {
    let home: Home
    let settings: SiteSettings
    let transport: HTTPTransport
    let now: Timestamp
    let show: (String) -> Void

    func update(_ source: TrustedCatalogue) -> SiteSync.Answer.Source {
        var answer = SiteSync.Answer.Source(name: source.name)
        do {
            let report = try CatalogueSync(source, home: home, transport: transport, now: now).run(progress: show)
            answer.images = report.images
            answer.added = report.added.map { "\($0.name) \($0.digest.short), until \($0.until)" }
            answer.removed = report.removed.map { "\($0.name) \($0.digest.short)" }
            answer.expires = report.expires
            answer.warnings = report.warnings
        } catch {
            answer.error = "\(error)"
        }
        return answer
    }

    func update(_ source: TrustedImageList) -> SiteSync.Answer.Source {
        var answer = SiteSync.Answer.Source(name: source.name)
        do {
            show("\(source.name): image list")
            let served = try transport.read(source.url.description, limit: 16 << 20)
            let lists = try settings.imageLists.map { try Subscription($0, home: home) }
            let accepted = try FollowedLists.accept(served, for: source.name, of: lists, now: now)
            answer.images = accepted.list.images.count
            answer.expires = accepted.list.expires
        } catch {
            answer.error = "\(error)"
        }
        return answer
    }

    /// What is newest and may run: what was fetched, and what could not be, with the reason.
    func fetch(all: Bool) throws -> (fetched: [String], failed: [String]) {
        var acceptance = try SiteAcceptance(home, settings, now: now)
        let here = Set(try acceptance.store.images().map { $0.environment.description })
        let names = Set(try acceptance.allServed().filter { !$0.isKernel }.map(\.name))
        var fetched: [String] = []
        var failed: [String] = []
        for name in names.sorted() where all || here.contains(name) {
            do {
                guard let candidate = try acceptance.choose(name, isKernel: false).candidate,
                    case .served = candidate
                else { continue }
                let sources = try acceptance.sources(of: candidate)
                try ImageFetch(acceptance.store, transport: transport, progress: show).run(sources, at: now)
                fetched += sources.map { "\($0.entry.name) \($0.entry.digest.short)" }
            } catch {
                failed.append("\(name): \(error)")
            }
        }
        return (fetched, failed)
    }
}
