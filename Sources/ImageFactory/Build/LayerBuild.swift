import Glibc
import GridModel
import ImageFormat
import ImageTree
import Linux
import StrictJSON

/// A filesystem to build upon, as files of the home.
struct BaseLayer {
    let filesystem: String
    /// What it holds (mtree).
    let listing: String
    let packages: PackageList
}

/// What a build of one layer made: files in its directory, and what is known of them.
struct BuiltLayer {
    let name: String
    let filesystem: String
    let tree: String
    let verity: VerityRoot
    let listing: String
    /// Of the whole image up to this layer.
    let packages: PackageList
    /// PRETTY_NAME of its os-release; empty where it has none.
    let systemName: String
    /// For each of its snapshots the digests of its files (`SnapshotDigests`).
    let snapshots: [String]
}

/// Builds one layer from a recipe and its lock. Everything happens in sandboxes without a network; which files come out
/// depends on recipe, lock and base alone.
struct LayerBuild {
    let recipe: ImageRecipe
    /// The recipe's, and its system's.
    let permitted: Exemptions
    let lock: Lock.Layer
    /// The suite of the system, its own or the base's; nil on a container.
    let suite: SuiteChoice?
    /// Nil for the lowest layer.
    let base: BaseLayer?
    let directory: BuildDirectory
    let inputs: Inputs
    let tools: Toolbox
    let progress: (String) -> Void

    var time: Int64 { lock.time.seconds }

    func run() throws -> BuiltLayer {
        var sandbox = try BuildSandbox(directory: directory.path, tools: tools)
        sandbox.limits = recipe.limits
        try makeGround(sandbox)
        try unpackSnapshots(sandbox)
        try placeFiles(sandbox)
        try installWheels(sandbox)
        try runScripts(sandbox)
        progress("looking through the files")
        return try finish(sandbox)
    }

    // MARK: The ground and its packages

    private func makeGround(_ sandbox: BuildSandbox) throws {
        switch recipe.ground {
        case .suite(let suite):
            try linkPackages()
            progress("installing \(lock.packages.count) packages of \(suite.suite) (log: \(tools.logPath))")
            try installSystem(suite, sandbox)
        case .base:
            guard let base else { preconditionFailure("a layer on a base is built with it") }
            if !Files.exists("\(directory.work)/tree") { try Self.extract(base, directory, sandbox) }
            if !lock.packages.isEmpty {
                try linkPackages()
                progress("installing \(lock.packages.count) packages (log: \(tools.logPath))")
                try installOnBase(sandbox)
            }
        case .container:
            guard let container = lock.container else { preconditionFailure("a container's lock names it") }
            progress("unpacking \(container.blobs.count - 2) layers of \(container.reference)")
            try ContainerImage(container).unpack(inputs, directory, sandbox)
        }
    }

    /// Unpacks a base into the build's tree.
    static func extract(_ base: BaseLayer, _ directory: BuildDirectory, _ sandbox: BuildSandbox) throws {
        try sandbox.run(
            .fsckErofs, ["--extract=/build/tree", "--preserve", "/base.erofs"],
            mounts: [Sandbox.Mount(base.filesystem, at: "/base.erofs", readOnly: true)], deadline: .seconds(3600))
        try Files.remove("\(directory.inputs)/base.mtree")
        guard link(base.listing, "\(directory.inputs)/base.mtree") == 0 else {
            throw SystemError.last("link \(base.listing) into the build's directory")
        }
        try sandbox.runOurselves(["restore"], deadline: .seconds(3600))
    }

    /// A repository that holds the locked packages and nothing else: no other choice is possible.
    private func linkPackages() throws {
        let repository = "\(directory.inputs)/repository"
        try Files.makeDirectories(repository)
        var index = ""
        for package in lock.packages {
            try inputs.link(package.digest, to: "\(repository)/\(package.fileName)")
            index += try tools.output(.dpkgDeb, ["-f", "\(repository)/\(package.fileName)"])
            index += "Filename: ./\(package.fileName)\nSize: \(package.size)\nSHA256: \(package.digest.hex)\n\n"
        }
        try Files.write(index.utf8, to: "\(repository)/Packages")
        let name = suite?.suite ?? "locked"
        let release = "Suite: \(name)\nCodename: \(name)\nComponents: main\nArchitectures: amd64 all\n"
        try Files.write(release.utf8, to: "\(repository)/Release")
    }

    /// Nobody reads manuals in a job; licences stay.
    private static let pathRules =
        ["/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/doc/*"].map {
            "path-exclude=\($0)"
        } + [
            "path-include=/usr/share/doc/*/copyright", "path-include=/usr/share/locale/locale.alias",
        ]

    private func installSystem(_ suite: SuiteChoice, _ sandbox: BuildSandbox) throws {
        let arguments =
            [
                "--mode=root", "--variant=minbase", "--format=directory", "--architectures=amd64",
                "--include=\(lock.packages.map(\.name).joined(separator: ","))",
                "--aptopt=APT::Sandbox::User \"root\";", "--aptopt=Acquire::Languages \"none\";",
            ] + Self.pathRules.map { "--dpkgopt=\($0)" }
            // Without it, usrmerge would bring all of Perl into Debian 12.
            + ["--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr", suite.suite, "/build/tree"]
            + ["deb [trusted=yes] copy:/inputs/repository ./"]
        try sandbox.run(.mmdebstrap, arguments, adding: ["SOURCE_DATE_EPOCH=\(time)"], deadline: .seconds(3600))
    }

    /// With the tree's own apt, whose lists and cache stay outside of the tree.
    private func installOnBase(_ sandbox: BuildSandbox) throws {
        let rules = Self.pathRules.map { "DPkg::Options:: \"--\($0)\";\n" }.joined()
        let configuration = """
            Dir::Etc::sourcelist "/run/build/sources.list";
            Dir::Etc::sourceparts "-";
            Dir::State::lists "/run/apt/lists";
            Dir::Cache "/run/apt/cache";
            Dir::Log "/run/apt/log";
            APT::Sandbox::User "root";
            Acquire::Languages "none";
            DPkg::Use-Pty "0";
            \(rules)
            """
        try Files.write(configuration.utf8, to: "\(directory.inputs)/apt.conf")
        try Files.write(
            "deb [trusted=yes] copy:/run/build/repository ./\n".utf8, to: "\(directory.inputs)/sources.list")
        let script = """
            set -eu
            mkdir -p /run/apt/lists/partial /run/apt/cache/archives/partial /run/apt/log
            apt-get -qq update
            apt-get -qq install --yes --no-install-recommends --allow-downgrades "$@"
            """
        let packages = lock.packages.map {
            "\($0.name):\($0.architecture == "all" ? "amd64" : $0.architecture)=\($0.version)"
        }
        try sandbox.runInTree(
            ["/bin/sh", "-c", script, "install"] + packages,
            adding: ["APT_CONFIG=/run/build/apt.conf", "SOURCE_DATE_EPOCH=\(time)"], deadline: .seconds(3600))
    }
}
