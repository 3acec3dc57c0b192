package import GridModel
import GuestProtocol
import ImageFormat
package import ImageStore
package import QEMU
package import System

/// What a person or a batch job wants to run, and how it becomes a machine's specification.
package struct MachineRequest: Sendable {
    package var requested: MachineSpecification.Requested
    package var command: [String]
    package var binds: [String] = []
    package var setVariables: [String] = []
    package var cleansEnvironment = false
    /// Nil: the current directory is shared instead.
    package var isolation: Isolation?
    package var terminal: MachineSpecification.Window?
    /// For the payload to read in `/run/sojourn`, by name.
    package var documents: [String: String] = [:]

    package struct Isolation: Sendable {
        package var inputs: [String]
        package var outputs: [String]
        package var outputLimit: ByteCount

        package init(inputs: [String], outputs: [String], outputLimit: ByteCount) {
            self.inputs = inputs
            self.outputs = outputs
            self.outputLimit = outputLimit
        }
    }

    package init(requested: MachineSpecification.Requested, command: [String]) {
        self.requested = requested
        self.command = command
    }

    /// Where an isolated payload runs.
    private static let isolatedDirectory = "/job"

    /// Refuses what this host cannot give, before anything is fetched or built.
    package func check(cores: Int, memory: ByteCount) throws {
        guard requested.cores.least <= cores else {
            throw MachineError(
                .invalidSpecification,
                "--cores \(requested.cores): this host has \(cores); ask for at most \(cores), or give a range such as "
                    + "1-\(requested.cores.most)")
        }
        guard requested.memory <= memory else {
            throw MachineError(
                .invalidSpecification, "--memory \(requested.memory): this host has \(memory.rounded); ask for less")
        }
        guard requested.memory >= .mebibytes(128) else {
            throw MachineError(.invalidSpecification, "--memory \(requested.memory): a machine needs 128MiB at least")
        }
        guard requested.scratch >= .mebibytes(16) else {
            throw MachineError(.invalidSpecification, "--scratch \(requested.scratch): a machine needs 16MiB at least")
        }
        for variable in setVariables where !variable.contains("=") || variable.hasPrefix("=") {
            throw MachineError(.invalidSpecification, "--setenv \(variable): expected NAME=VALUE")
        }
    }

    /// The machine for this request, in an image that is there.
    package func specify(
        image: StoredImage, kernel: StoredKernel, accelerator: Accelerator, account: Account, imageMilliseconds: Int64
    ) throws -> MachineSpecification {
        guard requested.memory >= image.configuration.needs.memory else {
            throw MachineError(
                .invalidSpecification,
                "--memory \(requested.memory): \(image.environment) needs \(image.configuration.needs.memory) at least")
        }
        let cores = min(requested.cores.most, Host.cores)
        guard cores >= image.configuration.needs.cores else {
            throw MachineError(
                .invalidSpecification,
                "--cores \(requested.cores): \(image.environment) needs \(image.configuration.needs.cores) at least")
        }
        var generator = SystemRandomNumberGenerator()
        let now = Timestamp.now
        let user = MachineSpecification.User(
            uid: account.uid, gid: account.gid, name: account.name, home: account.home,
            groups: account.groups.map { .init(gid: $0.gid, name: $0.name) })
        let id = MachineID(seconds: now.seconds, using: &generator)
        let current = try isolation == nil ? ShareRules.current() : nil
        let directory = current?.destination ?? Self.isolatedDirectory
        var specification = MachineSpecification(
            id: id, created: now, requested: requested, image: image.digest, environment: image.environment,
            kernel: kernel.digest, cores: cores, accelerator: accelerator, user: user,
            payload: .init(command: command, directory: directory, environment: [], terminal: terminal))
        specification.payload.environment = PayloadEnvironment.compose(
            caller: Host.environment, image: image.configuration.variables, asked: setVariables,
            own: ownVariables(specification), isClean: cleansEnvironment)
        specification.shares = try ShareRules.ordered([current].compactMap { $0 } + binds.map(ShareRules.parse))
        specification.staging = try isolation.map(staging)
        specification.imageMilliseconds = imageMilliseconds
        specification.documents = documents
        try refuseTooLarge(specification)
        return specification
    }

    private func ownVariables(_ specification: MachineSpecification) -> [String] {
        var variables = [
            "SOJOURN_MACHINE=\(specification.id)", "SOJOURN_ENVIRONMENT_NAME=\(specification.environment)",
            "SOJOURN_ENVIRONMENT=/run/sojourn/environment.json",
            "SOJOURN_CORES=\(specification.cores)", "SOJOURN_MEMORY=\(specification.memory.bytes)",
        ]
        if isolation != nil || cleansEnvironment {
            variables += [
                "HOME=\(Account.current.home)", "USER=\(Account.current.name)", "LOGNAME=\(Account.current.name)",
            ]
        }
        if terminal != nil { variables.append("TERM=\(Host.variable("TERM") ?? "linux")") }
        return variables
    }

    private func staging(_ isolation: Isolation) throws -> MachineSpecification.Staging {
        guard let directory = Files.canonical(".") else {
            throw MachineError(.invalidShare, "the current directory is gone: change to one that is there")
        }
        for (option, names) in [("--in", isolation.inputs), ("--out", isolation.outputs)] {
            for name in names where name.hasPrefix("/") || name.split(separator: "/").contains("..") || name.isEmpty {
                throw MachineError(.invalidShare, "\(option) \(name): expected a name within the current directory")
            }
        }
        for input in isolation.inputs {
            guard Files.exists(input) else {
                throw MachineError(.invalidShare, "--in \(input): there is no such file in \(directory)")
            }
            guard !Files.isLink(input) else {
                throw MachineError(.invalidShare, "--in \(input): it is a symbolic link; stage what it points to")
            }
        }
        return .init(
            inputs: isolation.inputs, outputs: isolation.outputs, directory: directory,
            outputLimit: isolation.outputLimit)
    }

    /// The context must fit a frame.
    private func refuseTooLarge(_ specification: MachineSpecification) throws {
        let bytes = specification.context(now: (0, 0)).encodedBytes
        guard bytes <= 1_000_000 else {
            throw MachineError(
                .tooLarge,
                "the command and its environment take \(bytes) bytes, at most 1000000 are allowed: "
                    + "use --cleanenv, or pass long lists in a file")
        }
    }
}
