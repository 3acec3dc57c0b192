import Glibc
import GridModel
import ImageFormat
import System

/// An apt of its own: own lists, cache and state, nothing of the host's but its mirrors, keys and ways through proxies.
struct AptRoot {
    let directory: String
    /// `Acquire::…` settings as lines of apt.conf.
    let options: [String]
    private let sources: [AptSource]
    private let tools: Toolbox

    init(_ directory: String, sources: [AptSource], choice: SuiteChoice, tools: Toolbox) throws {
        self.directory = directory
        self.sources = sources
        self.tools = tools
        options =
            try Self.hostOptions(tools) + (choice.acceptsEndOfLife ? ["Acquire::Check-Valid-Until \"false\";"] : [])
        for part in ["etc/none.d", "etc/keys", "state/lists/partial", "cache/archives/partial", "log"] {
            try Files.makeDirectories("\(directory)/\(part)", mode: 0o755)
        }
        try Files.write([], to: "\(directory)/state/status")
        try Files.write(Array(configuration.utf8), to: "\(directory)/apt.conf")
        try Files.write(Array(try lines().map { $0 + "\n" }.joined().utf8), to: "\(directory)/etc/sources.list")
    }

    /// The sources as one-line entries; an embedded key is written to a file first.
    func lines() throws -> [String] {
        try sources.enumerated().flatMap { index, source in
            let options: String
            switch source.signedBy {
            case .file(let path): options = "[signed-by=\(path)] "
            case .embedded(let key):
                let path = "\(directory)/etc/keys/\(index).asc"
                try Files.write(Array(key.utf8), to: path)
                options = "[signed-by=\(path)] "
            case nil: options = ""
            }
            return source.suites.map { "deb \(options)\(source.uri) \($0) \(source.components.joined(separator: " "))" }
        }
    }

    /// Fetches and verifies what the archive says of itself; with `packages` also its lists of packages.
    func update(packages: Bool) throws {
        var arguments = ["-qq", "update", "-o", "APT::Update::Error-Mode=any"]
        if !packages { arguments += ["-o", "Acquire::IndexTargets::deb::Packages::DefaultEnabled=false"] }
        try tools.run(.apt, arguments, adding: environment, deadline: .seconds(600))
    }

    /// The date of the newest Release file: a build from these lists gets it as its time.
    func newestRelease() throws -> Timestamp {
        let lists = "\(directory)/state/lists"
        let dates = try Files.list(lists).filter { $0.hasSuffix("Release") }.compactMap { name in
            let text = String(decoding: try Files.read("\(lists)/\(name)", limit: 16 << 20), as: UTF8.self)
            return text.split(separator: "\n").first { $0.hasPrefix("Date:") }.flatMap {
                Timestamp(releaseDate: $0.dropFirst(5))
            }
        }
        guard let newest = dates.max() else {
            throw ImageFactoryError(.noArchive, "the archive's Release files in \(lists) carry no date")
        }
        return newest
    }

    /// The newest version's paragraph of a package.
    func paragraph(_ package: String) throws -> [String: String] {
        let text = try tools.output(.aptCache, ["show", "--no-all-versions", package], adding: environment)
        guard let stanza = Deb822.stanzas(text).first else {
            throw ImageFactoryError(.wrongInput, "the archive has no package \(package)")
        }
        return stanza
    }

    /// Fetches a package of exactly this version and returns its file.
    func download(_ package: String, version: String) throws -> String {
        let target = "\(directory)/download"
        try Files.makeDirectories(target)
        try tools.run(
            .apt, ["-qq", "download", "\(package)=\(version)"], adding: environment, directory: target,
            deadline: .seconds(1800))
        guard let file = try Files.list(target).first(where: { $0.hasPrefix("\(package)_") && $0.hasSuffix(".deb") })
        else {
            throw ImageFactoryError(.wrongInput, "apt-get fetched no file of \(package) \(version)")
        }
        return "\(target)/\(file)"
    }

    private var environment: [String] { ["APT_CONFIG=\(directory)/apt.conf"] }

    private var configuration: String {
        """
        Dir "\(directory)/";
        Dir::Etc "etc/";
        Dir::Etc::main "none.conf";
        Dir::Etc::parts "none.d";
        Dir::Etc::sourcelist "sources.list";
        Dir::Etc::sourceparts "none.d";
        Dir::Etc::preferences "none";
        Dir::Etc::trusted "/etc/apt/trusted.gpg";
        Dir::Etc::trustedparts "/etc/apt/trusted.gpg.d/";
        Dir::State "state/";
        Dir::State::status "\(directory)/state/status";
        Dir::Cache "cache/";
        Dir::Log "log/";
        Dir::Bin::dpkg "/usr/bin/dpkg";
        APT::Architecture "amd64";
        APT::Architectures { "amd64"; };
        // The home is closed to the user _apt.
        APT::Sandbox::User "root";
        Acquire::Languages "none";
        \(options.joined(separator: "\n"))

        """
    }

    /// How this host reaches its mirrors (proxies, certificates, retries) and how it takes a frozen mirror's dates.
    private static func hostOptions(_ tools: Toolbox) throws -> [String] {
        let wanted = [
            "Acquire::http::", "Acquire::https::", "Acquire::Retries", "Acquire::Check-Valid-Until",
            "Acquire::Check-Date",
        ]
        return try tools.output(.aptConfig, ["dump", "--no-empty"]).split(separator: "\n").map(String.init)
            .filter { line in wanted.contains { line.hasPrefix($0) } }
    }
}

extension Timestamp {
    /// A Release file's date: `Sat, 21 Nov 2026 00:53:02 UTC`.
    init?(releaseDate text: Substring) {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        guard words.count == 6, ["UTC", "GMT", "+0000"].contains(words[5]), let month = months.firstIndex(of: words[2])
        else { return nil }
        func padded(_ word: String) -> String { word.count == 1 ? "0\(word)" : word }
        do {
            try self.init(parsing: "\(words[3])-\(padded("\(month + 1)"))-\(padded(words[1]))T\(padded(words[4]))Z")
        } catch {
            return nil
        }
    }
}
