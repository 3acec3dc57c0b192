import Glibc
import System

/// Gets pinned wheels with pip, from whatever index this host's pip is set up for.
struct WheelFetcher {
    let inputs: Inputs
    let tools: Toolbox
    let progress: (String) -> Void

    /// The file of a wheel, from the home or the index; its content is what the recipe says.
    func fetch(_ wheel: PythonWheel, in directory: String) throws -> String {
        if let kept = try inputs.file(wheel.digest) { return kept }
        progress("fetching \(wheel.name) \(wheel.version) from the Python package index")
        let target = "\(directory)/wheels"
        try Files.makeDirectories(target)
        let parts = wheel.parts
        let selection = [
            "--no-deps", "--only-binary=:all:", "--python-version", wheel.pythonVersion, "--implementation", "cp",
            "--abi", parts.abi,
        ]
        try tools.run(
            try python(),
            [
                "-m", "pip", "download", "--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--dest",
                target,
            ]
                + selection + parts.platforms.flatMap { ["--platform", $0] } + ["\(wheel.name)==\(wheel.version)"],
            deadline: .seconds(1200))
        let file = "\(target)/\(wheel.fileName)"
        guard Files.exists(file) else {
            throw ImageFactoryError(
                .wrongInput,
                "the index gave \(try Files.list(target).joined(separator: ", ")) where the recipe's tag says \(wheel.fileName)"
            )
        }
        return try inputs.keep(file, as: wheel.digest, of: wheel.fileName)
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
