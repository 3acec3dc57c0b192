import GridModel
import ImageFormat
import Linux

/// The interpreter and libc that wheels are chosen for.
struct PythonTarget: Equatable {
    /// Of Python 3: 11.
    let minor: Int
    /// Of glibc 2: 36.
    let libc: Int

    /// From the versions of Debian's packages python3 and libc6: `3.11.2-1+b1`, `2.36-9+deb12u14`.
    init?(python: String, libc: String) {
        func second(_ version: String) -> Int? {
            let parts = version.split(separator: ".")
            return parts.count > 1 ? Int(parts[1].prefix { $0.isNumber }) : nil
        }
        guard let minor = second(python), let release = second(libc) else { return nil }
        self.minor = minor
        self.libc = release
    }

    /// For pip: what such a Python takes, the newest platform first (PEP 425, 513, 571, 599, 600).
    var options: [String] {
        let platforms =
            stride(from: libc, through: 5, by: -1).map { "manylinux_2_\($0)_x86_64" } + [
                "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64",
            ]
        return ["--only-binary=:all:", "--implementation", "cp", "--python-version", "3.\(minor)"]
            + ["--abi", "cp3\(minor)", "--abi", "abi3", "--abi", "none"] + platforms.flatMap { ["--platform", $0] }
    }
}

/// Gets wheels with pip, from whatever index this host's pip is set up for.
struct WheelFetcher {
    let inputs: Inputs
    let tools: Toolbox
    let progress: (String) -> Void

    /// Chooses wheels for requirements and all that these need, and keeps them.
    func lock(_ requirements: [PythonRequirement], for target: PythonTarget, in directory: String) throws -> [Lock
        .Wheel]
    {
        let lines = requirements.map { ([$0.specifier] + $0.digests.map { "--hash=\($0)" }).joined(separator: " ") }
        progress("asking the Python package index for \(requirements.map(\.specifier).joined(separator: ", "))")
        let found = try download(lines, target.options, to: "\(directory)/wheels-locked")
        return try found.map { file in
            let (digest, size) = try inputs.keep("\(directory)/wheels-locked/\(file)")
            let parts = file.split(separator: "-").map(String.init)
            return Lock.Wheel(name: parts[0], version: parts[1], file: file, digest: digest, size: size)
        }
    }

    /// Gets locked wheels that are not kept; their content is what the lock says.
    func fetch(_ wheels: [Lock.Wheel], in directory: String) throws {
        for wheel in wheels {
            progress("fetching \(wheel.name) \(wheel.version) from the Python package index")
            let target = "\(directory)/wheels-\(wheel.digest.short)"
            // Its tags are its file's name: interpreter, ABI and platforms (PEP 427).
            let tags = wheel.file.dropLast(4).split(separator: "-").suffix(3).map(String.init)
            var options = [
                "--no-deps", "--only-binary=:all:", "--implementation", tags[0].hasPrefix("cp") ? "cp" : "py",
            ]
            options += ["--abi", tags[1]] + tags[2].split(separator: ".").flatMap { ["--platform", String($0)] }
            if tags[0].hasPrefix("cp3"), tags[1] != "abi3", tags[0].count > 3 {
                options += ["--python-version", "3.\(tags[0].dropFirst(3))"]
            }
            let found = try download(["\(wheel.name)==\(wheel.version) --hash=\(wheel.digest)"], options, to: target)
            guard found == [wheel.file] else {
                throw ImageFactoryError(
                    .wrongInput, "the index gave \(found.joined(separator: ", ")) where the lock says \(wheel.file)")
            }
            try inputs.keep("\(target)/\(wheel.file)", as: wheel.digest, of: wheel.file)
        }
    }

    private func download(_ lines: [String], _ options: [String], to target: String) throws -> [String] {
        try Files.makeDirectories(target)
        let list = "\(target).txt"
        try Files.write(lines.map { $0 + "\n" }.joined().utf8, to: list)
        do {
            try tools.run(
                try python(),
                ["-m", "pip", "download", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
                    + ["--dest", target, "--requirement", list] + options,
                deadline: .seconds(1800))
        } catch let error as ImageFactoryError where error.code == .toolFailed {
            let reasons = try tools.logLines(matching: ["ERROR:", "Expected sha256", "Got        "])
            guard !reasons.isEmpty else { throw error }
            throw ImageFactoryError(
                .wrongInput, "pip cannot get \(lines.joined(separator: ", ")): \(reasons.joined(separator: "; "))")
        }
        return try Files.list(target).filter { $0.hasSuffix(".whl") }
    }

    /// The first Python that has pip: the system's, else the caller's.
    private func python() throws -> Tool {
        for tool in [Tool(name: "python3", package: "python3-pip", directories: ["/usr/bin"]), .python] {
            do {
                _ = try tools.output(tool, ["-m", "pip", "--version"])
                return tool
            } catch is ImageFactoryError {
                continue
            }
        }
        throw ImageFactoryError(.missingTool, "Python's pip is not installed; install it: apt-get install python3-pip")
    }
}
