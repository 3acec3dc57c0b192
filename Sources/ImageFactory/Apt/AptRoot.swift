import GridModel
import ImageFormat
import Linux

/// An apt of its own: own lists, cache and state, nothing of the host's but its mirrors, keys and ways through proxies.
struct AptRoot {
    let directory: String
    /// `Acquire::…` settings as lines of apt.conf.
    private let options: [String]
    private let sources: [AptSource]
    private let status: String
    private let tools: Toolbox

    /// `status` is the dpkg status file of the system to install on; nil for none.
    init(_ directory: String, choice: SuiteChoice, status: String? = nil, tools: Toolbox) throws {
        let sources = try DebianArchive.ofHost().sources(for: choice)
        self.directory = directory
        self.status = status ?? "\(directory)/state/status"
        self.sources = sources
        self.tools = tools
        options =
            try Self.hostOptions(tools) + (choice.acceptsEndOfLife ? ["Acquire::Check-Valid-Until \"false\";"] : [])
        for part in [
            "etc/none.d", "etc/keys", "etc/preferences.d", "state/lists/partial", "cache/archives/partial", "log",
        ] {
            try Files.makeDirectories("\(directory)/\(part)", mode: 0o755)
        }
        try Files.write([], to: "\(directory)/state/status")
        try Files.write(Array(configuration.utf8), to: "\(directory)/apt.conf")
        try Files.write(Array(try lines().map { $0 + "\n" }.joined().utf8), to: "\(directory)/etc/sources.list")
    }

    /// The sources as one-line entries; an embedded key is written to a file first.
    private func lines() throws -> [String] {
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

    /// Fetches and verifies the archive's lists, once in this directory.
    func update() throws {
        let marker = "\(directory)/updated"
        guard !Files.exists(marker) else { return }
        do {
            try tools.run(
                .apt, ["-qq", "update", "-o", "APT::Update::Error-Mode=any"], adding: environment,
                deadline: .seconds(600))
        } catch let error as ImageFactoryError where error.code == .toolFailed {
            throw ImageFactoryError(
                .noArchive,
                "the Debian archive of this host's apt configuration does not answer; a build from a lock needs none if its "
                    + "inputs are here: --inputs DIR", underlying: error)
        }
        try Files.write([], to: marker)
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

    /// What apt would install for these names or patterns, by name and version; nothing is installed.
    func resolve(_ wanted: [String]) throws -> [(name: String, version: String)] {
        let text: String
        do {
            text = try tools.output(
                .apt, ["-q", "install", "--simulate", "--no-install-recommends"] + wanted, adding: environment)
        } catch let error as ImageFactoryError where error.code == .toolFailed {
            throw ImageFactoryError(.wrongInput, try unlocatable() ?? error.message)
        }
        // "Inst NAME[:ARCH] [OLD] (VERSION SOURCE [ARCH])", in the order of installation.
        return text.split(separator: "\n").filter { $0.hasPrefix("Inst ") }.compactMap { line in
            guard let open = line.firstIndex(of: "("), let name = line.dropFirst(5).split(separator: " ").first else {
                return nil
            }
            let version = line[line.index(after: open)...].prefix { $0 != " " && $0 != ")" }
            return (String(name.prefix { $0 != ":" }), String(version))
        }
    }

    /// apt's own complaint about names, which its output buries.
    private func unlocatable() throws -> String? {
        let complaints = try tools.logLines(matching: [
            "E: Unable to locate package", "has no installation candidate", "E: Couldn't find any package",
            "Depends:", "E: Unable to correct problems",
        ])
        guard !complaints.isEmpty else { return nil }
        return "apt cannot install what the recipe asks for: \(complaints.joined(separator: "; ")); "
            + "correct the recipe's 'packages' (names as in the suite's archive)"
    }

    /// The archive's paragraphs of exactly these versions.
    func packages(_ wanted: [(name: String, version: String)]) throws -> [Lock.Package] {
        guard !wanted.isEmpty else { return [] }
        let text = try tools.output(
            .aptCache, ["show"] + wanted.map { "\($0.name)=\($0.version)" }, adding: environment)
        var found: [String: [String: String]] = [:]
        for stanza in Deb822.stanzas(text) {
            found["\(stanza["package"] ?? "") \(stanza["version"] ?? "")"] = stanza
        }
        return try wanted.map { name, version in
            guard let stanza = found["\(name) \(version)"], let hex = stanza["sha256"],
                let size = stanza["size"].flatMap({ Int64($0) }), let architecture = stanza["architecture"]
            else {
                throw ImageFactoryError(.wrongInput, "the archive gives no sha256 of \(name) \(version)")
            }
            return Lock.Package(
                name: name, version: version, architecture: architecture,
                digest: try Digest(parsing: "sha256:\(hex)"), size: size)
        }
    }

    /// The newest version's paragraph of a package.
    func paragraph(_ package: String) throws -> [String: String]? {
        do {
            let text = try tools.output(.aptCache, ["show", "--no-all-versions", package], adding: environment)
            return Deb822.stanzas(text).first
        } catch let error as ImageFactoryError where error.code == .toolFailed {
            // apt-cache's way to say that there is none.
            return nil
        }
    }

    /// Fetches packages of exactly these versions into a directory, as files of their names there. What the archive has no
    /// longer is reported as a whole.
    func download(_ packages: [Lock.Package], to target: String) throws {
        try Files.makeDirectories(target)
        do {
            try tools.run(
                .apt, ["-qq", "download"] + packages.map { "\($0.name):\($0.architecture)=\($0.version)" },
                adding: environment, directory: target, deadline: .seconds(3600))
        } catch let error as ImageFactoryError where error.code == .toolFailed {
            let gone = try packages.filter { try !isOffered($0) }
            guard !gone.isEmpty else { throw error }
            throw ImageFactoryError(
                .wrongInput,
                "the mirror no longer has \(gone.count) locked package\(gone.count == 1 ? "" : "s"): "
                    + gone.prefix(10).map { "\($0.name) \($0.version)" }.joined(separator: ", ")
                    + "; give their files with --inputs DIR, or make a new lock with --fresh")
        }
    }

    private func isOffered(_ package: Lock.Package) throws -> Bool {
        do {
            // Of a version that is not there it says nothing, and ends well.
            return try !tools.output(.aptCache, ["show", "\(package.name)=\(package.version)"], adding: environment)
                .isEmpty
        } catch let error as ImageFactoryError where error.code == .toolFailed {
            return false
        }
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
        Dir::State::status "\(status)";
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
