import Glibc
import GridModel
import ImageFormat
import Linux
import StrictJSON

extension LayerBuild {
    func unpackSnapshots(_ sandbox: BuildSandbox) throws {
        for (index, snapshot) in recipe.snapshots.enumerated() {
            guard lock.snapshots.indices.contains(index) else {
                throw ImageFactoryError(
                    .locked, "the lock lacks the snapshot \(snapshot.source); make a new one with --fresh")
            }
            progress("unpacking the snapshot \(snapshot.source) to \(snapshot.destination)")
            let archive = "snapshot-\(index).tar"
            try inputs.link(lock.snapshots[index].digest, to: "\(directory.inputs)/\(archive)")
            let script = """
                set -eu
                mkdir -p "/build/tree$2"
                exec tar --extract --sparse --numeric-owner --preserve-permissions --file="$1" --directory="/build/tree$2"
                """
            try sandbox.run(
                .shell, ["-c", script, "snapshot", "/inputs/\(archive)", snapshot.destination], deadline: .seconds(7200)
            )
        }
    }

    func placeFiles(_ sandbox: BuildSandbox) throws {
        let local = Dictionary(lock.files.map { ($0.source, $0.digest) }) { first, _ in first }
        for (index, file) in recipe.files.enumerated() {
            let name = "file-\(index)"
            switch file.content {
            case .text(let text): try Files.write(text.utf8, to: "\(directory.inputs)/\(name)")
            case .file(let source):
                guard let digest = local[source] else {
                    throw ImageFactoryError(.locked, "the lock lacks the file \(source); make a new one with --fresh")
                }
                try inputs.link(digest, to: "\(directory.inputs)/\(name)")
            }
            let mode = String(file.mode, radix: 8)
            try sandbox.run(
                .install, ["-D", "-m", mode, "/inputs/\(name)", "/build/tree\(file.path)"], deadline: .seconds(600))
        }
    }

    func installWheels(_ sandbox: BuildSandbox) throws {
        guard !lock.wheels.isEmpty else { return }
        progress("installing \(lock.wheels.count) Python package\(lock.wheels.count == 1 ? "" : "s")")
        try Files.makeDirectories("\(directory.inputs)/wheels")
        for wheel in lock.wheels { try inputs.link(wheel.digest, to: "\(directory.inputs)/wheels/\(wheel.file)") }
        try Files.write(WheelInstaller.script.utf8, to: "\(directory.inputs)/install-wheels.py")
        try sandbox.runInTree(
            ["/usr/bin/python3", "-I", "/run/build/install-wheels.py"]
                + lock.wheels.map { "/run/build/wheels/\($0.file)" },
            adding: ["SOURCE_DATE_EPOCH=\(lock.time.seconds)"], deadline: .seconds(3600))
    }

    func runScripts(_ sandbox: BuildSandbox) throws {
        guard !recipe.scripts.isEmpty else { return }
        try clampTimes(sandbox)
        let memory = try MemoryLimit.make(recipe.limits.memory)
        defer { memory.remove() }
        for (index, script) in recipe.scripts.enumerated() {
            let name = "script-\(index)"
            try Files.write(script.utf8, to: "\(directory.inputs)/\(name)", mode: 0o755)
            progress(
                "running build script \(index + 1) of \(recipe.scripts.count), without a network; at most \(recipe.limits.time), "
                    + "\(recipe.limits.disk) of disk, \(recipe.limits.memory) of memory by \(memory.name)")
            let variables = recipe.variables.map { "\($0.key)=\($0.value)" }.sorted()
            try sandbox.runInTree(
                ["/bin/sh", "-eu", "/run/build/\(name)"],
                adding: ["SOURCE_DATE_EPOCH=\(lock.time.seconds)"] + variables.filter { !$0.hasPrefix("PATH=") },
                memory: memory, deadline: recipe.limits.time.duration)
        }
    }

    /// What scripts see of times must not depend on when the build runs.
    private func clampTimes(_ sandbox: BuildSandbox) throws {
        let script = """
            exec find /build/tree -xdev -newermt "@$1" -exec touch --no-dereference --date "@$1" {} +
            """
        try sandbox.run(.shell, ["-c", script, "clamp", "\(time)"], deadline: .seconds(3600))
    }

    // MARK: From the tree to the layer

    /// Removes logs, caches, identities and the build's own settings: whatever differs from build to build.
    private static let cleaning = """
        set -eu
        cd /build/tree
        rm -rf root/.cache root/.wget-hsts boot/* var/tmp/*
        rm -rf var/cache/apt var/lib/apt/lists var/cache/ldconfig/aux-cache var/cache/debconf/*-old var/lib/dpkg/*-old
        rm -rf var/cache/dnf var/cache/yum var/cache/apk
        [ ! -d var/lib/apt ] || mkdir -p var/cache/apt/archives/partial var/lib/apt/lists/partial
        [ ! -d var/log ] || find var/log -type f -delete
        rm -f etc/hostname etc/resolv.conf etc/.pwd.lock
        rm -f etc/passwd- etc/group- etc/shadow- etc/gshadow- etc/subuid- etc/subgid-
        rm -f var/lib/dbus/machine-id etc/ssh/ssh_host_*_key etc/ssh/ssh_host_*_key.pub
        mkdir -p etc
        rm -f etc/machine-id
        : > etc/machine-id
        # The mirror of the site that built it is nobody else's business.
        [ "$1" != debian ] || rm -f etc/apt/sources.list etc/apt/sources.list.d/*
        rm -f etc/apt/apt.conf.d/99mmdebstrap etc/dpkg/dpkg.cfg.d/99mmdebstrap
        rm -rf run tmp
        mkdir -p proc sys dev tmp run home mnt
        chmod 1777 tmp
        """

    func finish(_ sandbox: BuildSandbox) throws -> BuiltLayer {
        try sandbox.run(
            .shell, ["-c", Self.cleaning, "clean", suite == nil ? "other" : "debian"], deadline: .seconds(3600))
        let plan = BuildStep.Plan(
            time: lock.time, isLowest: base == nil, exemptions: permitted,
            snapshots: recipe.snapshots.map { String($0.destination.drop { $0 == "/" }) })
        try Files.write(try StrictJSON.encode(plan, pretty: true), to: "\(directory.inputs)/plan.json")
        try sandbox.runOurselves(["assemble"], deadline: .seconds(7200))
        let result = try StrictJSON.decode(
            BuildStep.Result.self, from: try Files.read(try directory.take("out/result.json"), limit: 64 << 20),
            source: "the build's result")
        for dropped in result.dropped { progress("note: removed the extended attribute \(dropped)") }
        try refuse(result.findings)
        let packages = try PackageList(
            decoding: try Files.read(try directory.take("out/packages.json"), limit: 256 << 20),
            source: "the build's packages")
        try compare(packages)
        progress("writing the filesystem")
        let tree = base == nil ? "/build/tree" : "/build/upper"
        // SOURCE_DATE_EPOCH, not -T, which would make every file as old as the next (mkfs.erofs 1.5), and Python then compile
        // all anew. Left out, not removed: what the excluded ones hold belongs to the machine.
        try sandbox.run(
            .mkfsErofs,
            [
                "--quiet", "-zlz4hc", "-U", "\(StableUUID(name: "filesystem \(recipe.environment)"))",
                "--exclude-regex=^(dev|proc|sys|run|tmp)/.+", "/build/out/filesystem.erofs", tree,
            ], adding: ["SOURCE_DATE_EPOCH=\(time)"], deadline: .seconds(7200))
        let filesystem = try directory.take("out/filesystem.erofs")
        progress("hashing the filesystem")
        let hashes = "\(directory.path)/filesystem.verity"
        return BuiltLayer(
            name: recipe.environment.description, filesystem: filesystem, tree: hashes,
            verity: try hash(filesystem, tree: hashes), listing: try directory.take("out/files.mtree"),
            packages: packages,
            systemName: result.systemName,
            snapshots: try recipe.snapshots.indices.map { try directory.take("out/snapshot-\($0).digests") })
    }

    private func refuse(_ findings: [String]) throws {
        guard !findings.isEmpty else { return }
        let shown = findings.prefix(20).map { "\n  \($0)" }.joined()
        throw ImageFactoryError(
            .unclean,
            "the image is not clean, \(findings.count) finding\(findings.count == 1 ? "" : "s"):\(shown)"
                + (findings.count > 20 ? "\n  and \(findings.count - 20) more" : ""))
    }

    /// What is installed must be what was locked.
    private func compare(_ installed: PackageList) throws {
        let found = Set(installed.packages.filter { $0.type == .deb }.map { "\($0.name) \($0.version)" })
        let lacking = lock.packages.map { "\($0.name) \($0.version)" }.filter { !found.contains($0) }
        guard lacking.isEmpty else {
            throw ImageFactoryError(
                .wrongInput,
                "locked packages were not installed: \(lacking.prefix(10).joined(separator: ", ")); see \(tools.logPath)"
            )
        }
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
}
