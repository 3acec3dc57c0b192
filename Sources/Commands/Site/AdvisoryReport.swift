import Distribution
import GridModel
import ImageStore
import Machine
import Policy
import Settings
import StrictJSON

/// What an advisory means for one home: images and kernels, here or served, and machines.
struct AdvisoryReport: Encodable {
    struct Running: Encodable {
        let machine: MachineID
        let user: String
        let environment: Environment
        let image: Digest
        let since: Timestamp
        /// Nil while it runs.
        let ended: Timestamp?
    }

    let advisory: Advisory
    let affected: [AdvisoryEffect]
    /// Those that run now, then those that have ended.
    let machines: [Running]

    init(_ advisory: Advisory, home: Home) throws {
        var acceptance = try SiteAcceptance(home, try Configuration.read(home).site, now: .now)
        var facts: [ArtifactFacts] = []
        for artifact in try acceptance.store.artifacts() { facts.append(try acceptance.facts(artifact)) }
        let here = Set(facts.map(\.digest))
        for candidate in try acceptance.allServed() where !here.contains(candidate.digest) {
            facts.append(try acceptance.facts(candidate))
        }
        self.advisory = advisory
        affected = acceptance.settings.rules.effects(of: advisory, on: facts, at: acceptance.now)
        let digests = Set(affected.map(\.digest))
        machines = try Self.machines(home).filter { digests.contains($0.image) }
    }

    private static func machines(_ home: Home) throws -> [Running] {
        let all = try MachineDirectory.all(in: home.machines)
        let running = all.filter { !$0.hasRecord }.compactMap { directory -> Running? in
            let specification: MachineSpecification
            do { specification = try MachineSpecification.read(directory.specification) } catch {
                // It is being made or removed at this moment.
                return nil
            }
            return Running(
                machine: specification.id, user: specification.user.name, environment: specification.environment,
                image: specification.image, since: specification.created, ended: nil)
        }
        let ended = try JobHistory(home).records(last: nil).reversed().map {
            Running(
                machine: $0.id, user: $0.user, environment: $0.environment, image: $0.image, since: $0.created,
                ended: $0.ended)
        }
        return running + ended
    }

    func show(json: Bool) throws {
        if json { return try Report.data(try StrictJSON.encode(self, pretty: true)) }
        let deadline = advisory.deadline.map { "; none of them starts from \($0) on" } ?? "; it has no deadline"
        print("\(advisory.title): \(advisory.package) below \(advisory.fixed)\(deadline)".escapingControls)
        if affected.isEmpty { return print("no image or kernel that is known here has it") }
        Output.table(
            ["AFFECTED", "DIGEST", "HAS", "MAY RUN NOW", "REPLACED BY"],
            affected.map { effect in
                [
                    effect.name, effect.digest.short,
                    effect.packages.map { $0.map(\.description).joined(separator: ", ") } ?? "no list of packages",
                    effect.isAccepted ? "yes" : "no", effect.replacement?.short ?? "nothing yet",
                ]
            })
        let running = machines.filter { $0.ended == nil }
        print(running.isEmpty ? "\nno machine of this home runs one of them" : "\nrunning now:")
        for machine in running {
            print(
                "  \(machine.machine)  \(machine.user)  \(machine.environment)  since \(machine.since)".escapingControls
            )
        }
        let ended = machines.count - running.count
        if ended > 0 { print("\(ended) ended machine\(ended == 1 ? "" : "s") ran one of them (--json names them)") }
    }
}
