import Distribution
import GridModel
import Policy
import Settings

extension SiteAcceptance {
    /// The image or kernel that a person means, of those that catalogues serve and that may run here: of a name the one that
    /// would run. Here or not.
    mutating func served(_ reference: String) throws -> Candidate {
        let all = try allServed()
        let digits = reference.hasPrefix("sha256:") ? String(reference.dropFirst(7)) : reference
        let names = [reference, reference.hasPrefix("@") ? "os/\(reference.dropFirst())" : "os/\(reference)"]
        var found = all.filter { digits.utf8.count >= 8 && $0.digest.hex.hasPrefix(digits) }
        if found.isEmpty, let named = all.first(where: { names.contains($0.name) }) {
            let (choice, chosen) = try choose(named.name, isKernel: named.isKernel)
            guard let chosen else {
                let reasons = choice.passedOver.prefix(5).map { "\($0.decision.digest.short) is \($0.because)" }
                throw DistributionError(
                    .notAccepted, "\(named.name) may not run here: \(reasons.joined(separator: "; "))")
            }
            found = all.filter { $0.digest == chosen.digest }
        }
        guard let candidate = found.first else {
            throw DistributionError(
                .unknownReference,
                "'\(reference)' is served by no catalogue that is trusted here"
                    + faults.map { " (\($0.because))" }.joined() + ": "
                    + NearestNames.hint(for: reference, among: Array(Set(all.map(\.name))).sorted()))
        }
        guard found.count == 1 else {
            throw DistributionError(
                .unknownReference,
                "'\(reference)' is short for \(found.count) images; give more digits")
        }
        let decision = settings.rules.decide(try facts(candidate), at: now)
        guard decision.isAccepted else {
            throw DistributionError(
                .notAccepted,
                "\(candidate.name) (\(candidate.digest.short)) may not run here: \(decision.refusal)")
        }
        return candidate
    }
}
