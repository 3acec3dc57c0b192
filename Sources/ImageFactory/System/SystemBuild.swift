import Glibc
import GridModel
import ImageFormat
import ImageStore
import System

/// What a build of a filesystem made: two files in its directory, and what is known of them.
struct BuiltFilesystem {
    let filesystem: String
    let tree: String
    let verity: VerityRoot
    let time: Timestamp
    /// PRETTY_NAME of its os-release.
    let systemName: String
}

/// Builds the whole filesystem of a recipe: mmdebstrap installs, mkfs.erofs writes, both in namespaces of their own.
struct SystemBuild {
    let recipe: ImageRecipe
    let suite: SuiteChoice
    let directory: String
    let home: Home
    let tools: Toolbox
    let progress: (String) -> Void

    /// Refuses at once, before anything is fetched, where a program is not installed.
    static func requireTools() throws {
        let forUsers = Host.effectiveUser == 0 ? [] : [Tool.newuidmap]
        for tool in [Tool.mmdebstrap, .mkfsErofs, .unshare] + forUsers { _ = try tool.find() }
    }

    func run() throws -> BuiltFilesystem {
        progress("looking at the archive of \(suite.suite)")
        let apt = try AptRoot(
            "\(directory)/apt", sources: try DebianArchive.ofHost().sources(for: suite), choice: suite, tools: tools)
        try apt.update(packages: false)
        let time = try apt.newestRelease()
        let fetcher = WheelFetcher(inputs: try Inputs(home: home), tools: tools, progress: progress)
        let wheels = try recipe.wheels.map { (wheel: $0, file: try fetcher.fetch($0, in: directory)) }
        let filesystem = "\(directory)/filesystem.erofs"
        let script = CustomizeScript(
            wheels: wheels, filesystem: filesystem, systemRelease: "\(directory)/os-release", time: time.seconds,
            uuid: StableUUID(name: "filesystem \(recipe.environment)"))
        let hook = "\(directory)/customize"
        try Files.write(Array(script.text.utf8), to: hook, mode: 0o755)
        progress("installing packages of \(suite.suite) (a minute or less; log: \(tools.logPath))")
        try install(apt: apt, hook: hook, time: time)
        progress("hashing the filesystem")
        let tree = "\(directory)/filesystem.verity"
        return BuiltFilesystem(
            filesystem: filesystem, tree: tree, verity: try hash(filesystem, tree: tree), time: time,
            systemName: try systemName())
    }

    private func install(apt: AptRoot, hook: String, time: Timestamp) throws {
        let temporary = "\(directory)/tree"
        try Files.makeDirectories(temporary)
        let apts = ["APT::Sandbox::User \"root\";", "Acquire::Languages \"none\";"] + apt.options
        // Nobody reads manuals in a job; licences stay.
        let excluded = ["/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/doc/*"]
        let dpkg =
            excluded.map { "path-exclude=\($0)" } + [
                "path-include=/usr/share/doc/*/copyright", "path-include=/usr/share/locale/locale.alias",
            ]
        let packages = recipe.packages.isEmpty ? [] : ["--include=\(recipe.packages.joined(separator: ","))"]
        let arguments =
            [
                "--mode=root", "--variant=minbase", "--format=null", "--skip=cleanup",
                "--architectures=amd64",
            ] + packages
            + apts.map { "--aptopt=\($0)" } + dpkg.map { "--dpkgopt=\($0)" }
            // Without it, usrmerge would bring all of Perl into Debian 12.
            + ["--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr"]
            + ["--customize-hook=\(hook)", suite.suite, "/dev/null"] + (try apt.lines())
        try tools.runInNamespaces(
            .mmdebstrap, arguments,
            adding: ["TMPDIR=\(temporary)", "SOURCE_DATE_EPOCH=\(time.seconds)"],
            deadline: .seconds(3600))
    }

    private func hash(_ filesystem: String, tree: String) throws -> VerityRoot {
        let data = try Descriptor.open(filesystem, O_RDONLY)
        let output = try Descriptor.open(tree, O_RDWR | O_CREAT | O_EXCL)
        return try withExtendedLifetime((data, output)) {
            try VerityTree.write(
                of: data.raw, size: try data.size(), to: output.raw,
                format: VerityFormat(uuid: StableUUID(name: "verity \(recipe.environment)")), cores: Host.cores)
        }
    }

    private func systemName() throws -> String {
        let text = String(decoding: try Files.read("\(directory)/os-release", limit: 1 << 16), as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") }
        return line.map { $0.dropFirst(12).filter { $0 != "\"" } } ?? recipe.environment.os
    }
}
