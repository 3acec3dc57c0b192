import Distribution
import GridModel
import HTTPTransport
import ImageLists
import ImageStore
import Linux
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
            let report = try CatalogueSync(
                source, mirrors: settings.mirrors, home: home, transport: transport, now: now
            ).run(progress: show)
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

    /// What is newest and may run: what was fetched, what could not be, with the reason, and what was odd.
    func fetch(all: Bool) throws -> (fetched: [String], failed: [String], noted: [String]) {
        var acceptance = try SiteAcceptance(home, settings, now: now)
        let here = Set(try acceptance.store.images().map { $0.environment.description })
        let served = try acceptance.allServed().filter { !$0.isKernel }
        let names = Set(served.map(\.name))
        var fetched: [String] = []
        var failed: [String] = []
        var noted: [String] = []
        for name in names.sorted() where all || here.contains(name) {
            do {
                let chosen = try acceptance.choose(name, isKernel: false).candidate
                if case .stored(.image(let image)) = chosen, acceptance.store.isWhole(image) { continue }
                // One that a machine began with before all of it was here is brought whole too.
                guard let candidate = served.first(where: { $0.digest == chosen?.digest }) else { continue }
                let sources = try acceptance.sources(of: candidate)
                let report = try ImagePull.with(
                    acceptance.store, settings, environment: Host.variables, progress: show
                ) { try $0.run(sources, how: .auto, at: now) }
                noted += report.faults.map { "\(name): \($0)" }
                fetched += sources.map { "\($0.entry.name) \($0.entry.digest.short)" }
            } catch {
                failed.append("\(name): \(error)")
            }
        }
        return (fetched, failed, noted)
    }
}
