import ArgumentParser
import Distribution
import GridModel
import ImageStore
import Policy
import Settings

/// What a rule is about, as words of a command line.
struct SubjectArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "image DIGEST, endorser KEYID, experiment NAME, environment PATTERN, or package NAME [VERSION|<VERSION].",
            valueName: "subject"))
    var words: [String]

    /// Endorsers may be named as catalogues name them, and images and endorsers by the beginning of their digests.
    func subject(in home: HomeOptions) throws -> Subject {
        var words = words
        if words.count == 2, words[1].utf8.count < 64 {
            let names = try SubjectNames(home)
            words[1] =
                try words[0] == "endorser"
                ? names.endorser(words[1]) : words[0] == "image" ? names.image(words[1]) : words[1]
        }
        do { return try Subject(parsing: words.joined(separator: " ")) } catch let error as PolicyError {
            throw ValidationError("\(error)")
        }
    }
}

struct SiteApprove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve",
        abstract: "Let run what is meant, before any other rule of the same file is asked.",
        discussion: """
            An approval does not replace an endorsement, but for 'image DIGEST': that makes it an image of your own.
            """)

    @OptionGroup var place: SiteFileOptions
    @OptionGroup var subject: SubjectArguments
    @Option(name: .long, help: "Why.") var because: String?

    func run() throws {
        let file = try place.file()
        try file.insert(Rule(.approve, try subject.subject(in: place.home), because: because))
        let bans = try file.read().rules.rules.filter { $0.action == .ban }
        if !bans.isEmpty {
            Report.line(
                "sojourn: what this approves runs even where one of these bans means it: "
                    + bans.map(\.description).joined(separator: ", "))
        }
    }
}

struct SiteBan: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ban",
        abstract: "Let nothing start that is meant.",
        discussion: """
            sojourn site ban package xz-utils 5.6.0     every image that has it, or has no list of packages
            sojourn site ban package openssl '<3.0.15-1'
            sojourn site ban endorser KEYID             their signatures do not count any more
            """)

    @OptionGroup var place: SiteFileOptions
    @OptionGroup var subject: SubjectArguments
    @Option(name: .long, help: "Why: whoever is refused reads it.") var because: String?

    func run() throws { try place.file().insert(Rule(.ban, try subject.subject(in: place.home), because: because)) }
}

struct SiteForget: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget", abstract: "Remove a rule.",
        discussion: "sojourn site forget ban package xz-utils 5.6.0")

    enum Action: String, ExpressibleByArgument { case ban, approve }

    @OptionGroup var place: SiteFileOptions
    @Argument(help: "ban or approve.") var action: Action
    @OptionGroup var subject: SubjectArguments

    func run() throws {
        try place.file().remove(Rule(action == .ban ? .ban : .approve, try subject.subject(in: place.home)))
    }
}

/// What people call endorsers and images, as rules write them.
private struct SubjectNames {
    private let acceptance: SiteAcceptance

    init(_ home: HomeOptions) throws { acceptance = try home.acceptance() }

    func endorser(_ word: String) throws -> String {
        let keys = acceptance.followed.flatMap { $0.endorsers }
        let found = Set(keys.filter { $0.name == word || (word.utf8.count >= 8 && $0.key.hasPrefix(word)) }.map(\.key))
        return try one(found, word, "endorser", among: keys.map { $0.name ?? $0.key })
    }

    func image(_ word: String) throws -> String {
        var acceptance = acceptance
        let digits = word.hasPrefix("sha256:") ? String(word.dropFirst(7)) : word
        let known = try acceptance.store.artifacts().map(\.digest) + acceptance.allServed().map(\.digest)
        let found = Set(known.filter { digits.utf8.count >= 8 && $0.hex.hasPrefix(digits) }.map(\.description))
        return try one(found, word, "image", among: known.map(\.description))
    }

    private func one(_ found: Set<String>, _ word: String, _ kind: String, among all: [String]) throws -> String {
        if let only = found.first, found.count == 1 { return only }
        throw ValidationError(
            found.isEmpty
                ? "no \(kind) '\(word)' is known here: \(NearestNames.hint(for: word, among: Array(Set(all)).sorted()))"
                : "'\(word)' means \(found.count) of them: \(found.sorted().joined(separator: ", ")); give more digits")
    }
}
