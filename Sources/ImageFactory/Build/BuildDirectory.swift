import Glibc
import GridModel
import ImageStore
import Linux

/// A directory `cache/build-…` of one build, held by a lock: what a killed build left has a free lock, and the next build
/// removes it.
struct BuildDirectory {
    let path: String
    /// The only part that steps of a build may write: tree, upper and out.
    var work: String { "\(path)/work" }
    /// Links to what the build was given, for its steps to read.
    var inputs: String { "\(path)/inputs" }
    private let lock: FileLock

    static func with<Result>(home: Home, tools: Toolbox, _ body: (BuildDirectory) throws -> Result) throws -> Result {
        // Whatever the caller's is: what is given to steps must be readable for whoever is their root.
        let mask = umask(0o022)
        defer { umask(mask) }
        let directory = try make(home: home, tools: tools)
        defer { remove(directory.path, tools) }
        return try withExtendedLifetime(directory.lock) { try body(directory) }
    }

    /// Removes what killed builds left; says in the log of `name` what could not be removed.
    static func sweep(home: Home, log name: String) throws {
        let left = try Files.list(home.cache).filter { $0.hasPrefix("build-") }
        guard !left.isEmpty else { return }
        let mask = umask(0o022)
        defer { umask(mask) }
        let tools = try Toolbox(log: name)
        let sweeping = try FileLock.wait(home.sweepLock)
        try withExtendedLifetime(sweeping) {
            for name in left where Files.exists("\(home.cache)/\(name)") {
                if let free = try FileLock.take("\(home.cache)/\(name)/lock") {
                    withExtendedLifetime(free) { remove("\(home.cache)/\(name)", tools) }
                }
            }
        }
    }

    private static func make(home: Home, tools: Toolbox) throws -> BuildDirectory {
        // No directory may be seen between its making and its locking.
        let sweeping = try FileLock.wait(home.sweepLock)
        return try withExtendedLifetime(sweeping) {
            var path: String
            repeat {
                path = "\(home.cache)/build-\(String(UInt32.random(in: .min ... .max), radix: 36))"
            } while Files.exists(path)
            try Files.makeDirectories(path, mode: 0o700)
            guard let lock = try FileLock.take("\(path)/lock") else {
                throw SystemError(code: 0, message: "lock the new build directory \(path): somebody else has it")
            }
            let directory = BuildDirectory(path: path, lock: lock)
            try directory.makeWork()
            return directory
        }
    }

    private func makeWork() throws {
        let root = try UserMap.forBuilds()
        for directory in [work, "\(work)/out", "\(work)/tmp", "\(path)/dev", "\(path)/etc", inputs] {
            try Files.makeDirectories(directory, mode: 0o755)
        }
        try FileAttributes.setMode("\(work)/tmp", 0o1777)
        try makeDevices("\(path)/dev")
        let users = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n"
        try Files.write(users.utf8, to: "\(path)/etc/passwd")
        try Files.write("root:x:0:\nnogroup:x:65534:\n".utf8, to: "\(path)/etc/group")
        if Host.effectiveUser == 0 {
            for directory in [work, "\(work)/out", "\(work)/tmp"] {
                try FileAttributes.setOwner(directory, uid: root.users[0].outside, gid: root.groups[0].outside)
            }
        }
    }

    /// Links as in every /dev; the devices themselves are bound there.
    private func makeDevices(_ directory: String) throws {
        let links = [
            "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
        ]
        for (name, target) in links { try FileAttributes.makeLink("\(directory)/\(name)", to: target) }
        for name in Self.devices { try Files.write([], to: "\(directory)/\(name)") }
        try Files.makeDirectories("\(directory)/shm")
    }

    static let devices = ["null", "zero", "full", "random", "urandom"]

    /// Takes what a step made as our own: `name` is relative to `work`.
    func take(_ name: String) throws -> String {
        let path = "\(work)/\(name)"
        guard !Files.isLink(path) else {
            throw ImageFactoryError(.toolFailed, "the build left a symbolic link where its result \(name) should be")
        }
        if Host.effectiveUser == 0 { try FileAttributes.setOwner(path, uid: 0, gid: 0) }
        // For the steps of a build upon it, whoever their root is.
        try FileAttributes.setMode(path, 0o444)
        return path
    }

    /// Files in it may belong to subordinate users, which only their namespace may remove. A failure leaves it to the next
    /// build, and must not hide the outcome of this one.
    private static func remove(_ path: String, _ tools: Toolbox) {
        do {
            if Files.exists("\(path)/etc/group") {
                var sandbox = try BuildSandbox(directory: path, tools: tools)
                sandbox.isQuiet = true
                try sandbox.run(
                    .shell, ["-c", "chmod -R u+rwX /build 2>/dev/null; rm -rf /build/* || :"], deadline: .seconds(900))
            }
            try Files.removeTree(path)
        } catch {
            tools.note("could not remove \(path): \(error)")
        }
    }
}
