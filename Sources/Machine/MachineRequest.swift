package import GridModel
import GuestProtocol
import ImageFormat
package import ImageStore
package import Linux
package import Policy
package import QEMU

/// What a person or a batch job wants to run, and how it becomes a machine's specification.
package struct MachineRequest: Sendable {
    package var requirement: Requirement
    package var command: [String]
    package var binds: [String] = []
    package var setVariables: [String] = []
    package var cleansEnvironment = false
    /// The factory asks, for an image that it just made.
    package var isCheck = false
    /// Nil: the current directory is shared instead.
    package var isolation: Isolation?
    package var terminal: MachineSpecification.Window?
    /// By digest, where they are known; see `findInputs`.
    package private(set) var inputs: [String: Digest]?
    /// For the payload to read in `/run/sojourn`, by name.
    package var documents: [String: String] = [:]

    package struct Isolation: Sendable {
        package var inputs: [String]
        package var outputs: [String]

        package init(inputs: [String], outputs: [String]) {
            self.inputs = inputs
            self.outputs = outputs
        }
    }

    package init(_ requirement: Requirement, command: [String]) {
        self.requirement = requirement
        self.command = command
    }

    /// Where an isolated payload runs.
    private static let isolatedDirectory = "/job"

    /// What this host gives of it, and an image if there is one; refuses what does not fit.
    @discardableResult
    package func match(on host: HostFacts, image: StoredImage? = nil) throws -> Grant {
        for variable in setVariables where !variable.contains("=") || variable.hasPrefix("=") {
            throw MachineError(.invalidSpecification, "--setenv \(variable): expected NAME=VALUE")
        }
        let match = Match(requirement, on: host, image: image.map(ImageOffer.init))
        guard let grant = match.grant else {
            throw MachineError(
                .invalidSpecification,
                match.faults.map { "\($0.name) \($0.asked): \($0.fault ?? "")" }.joined(separator: "\n"))
        }
        return grant
    }

    /// Notes the digests of what the payload will read. Takes as long as reading it.
    package mutating func findInputs() throws {
        if let isolation {
            inputs = try RunInputs.digests(staged: isolation.inputs)
        } else {
            let shares = try [ShareRules.current()] + binds.map(ShareRules.parse)
            inputs = try RunInputs.digests(namedBy: command, in: shares)
        }
    }

    /// The machine for this request, in an image that is there.
    package func specify(
        image: StoredImage, kernel: StoredKernel, on host: HostInspection, accelerator: Accelerator, account: Account,
        imageMilliseconds: Int64
    ) throws -> MachineSpecification {
        let grant = try match(on: host.facts, image: image)
        var generator = SystemRandomNumberGenerator()
        let now = Timestamp.now
        let user = MachineSpecification.User(
            uid: account.uid, gid: account.gid, name: account.name, home: account.home,
            groups: account.groups.map { .init(gid: $0.gid, name: $0.name) })
        let id = MachineID(seconds: now.seconds, using: &generator)
        let current = try isolation == nil ? ShareRules.current() : nil
        let directory = current?.destination ?? Self.isolatedDirectory
        var specification = MachineSpecification(
            id: id, created: now, requested: requirement, grant: grant, image: image.digest,
            environment: image.environment, kernel: kernel.digest, accelerator: accelerator,
            hosting: try host.hosting(cores: grant.cores), user: user,
            payload: .init(command: command, directory: directory, environment: [], terminal: terminal))
        specification.payload.environment = PayloadEnvironment.compose(
            caller: Host.environment, image: image.configuration.variables, asked: setVariables,
            own: ownVariables(specification), isClean: cleansEnvironment)
        specification.shares = try ShareRules.ordered([current].compactMap { $0 } + binds.map(ShareRules.parse))
        specification.staging = try isolation.map { try staging($0, limit: grant.output) }
        specification.imageMilliseconds = imageMilliseconds
        specification.documents = documents
        specification.inputs = inputs
        specification.isCheck = isCheck ? true : nil
        try refuseTooLarge(specification)
        return specification
    }

    private func ownVariables(_ specification: MachineSpecification) -> [String] {
        var variables = [
            "SOJOURN_MACHINE=\(specification.id)", "SOJOURN_ENVIRONMENT_NAME=\(specification.environment)",
            "SOJOURN_ENVIRONMENT=/run/sojourn/environment.json",
            "SOJOURN_CORES=\(specification.cores)", "SOJOURN_MEMORY=\(specification.memory.bytes)",
            "SOJOURN_SCRATCH=\(specification.scratch.bytes)", "SOJOURN_SWAP=\(specification.swap?.bytes ?? 0)",
            "SOJOURN_NETWORK=\(specification.network ?? .none)",
            "MACHINEFEATURES=\(GuestLink.documents)/machinefeatures",
            "JOBFEATURES=\(GuestLink.documents)/jobfeatures",
            "SOJOURN_FEATURES_URL=http://127.0.0.1:\(GuestLink.featuresPort)",
        ]
        variables += [
            specification.wall.map { "SOJOURN_WALL=\($0.seconds)" },
            specification.cpu.map { "SOJOURN_CPU=\($0.seconds)" },
            specification.hosting.map { "SOJOURN_ARCHITECTURE=\($0.architecture)" },
        ].compactMap { $0 }
        if isolation != nil || cleansEnvironment {
            variables += [
                "HOME=\(Account.current.home)", "USER=\(Account.current.name)", "LOGNAME=\(Account.current.name)",
            ]
        }
        if terminal != nil { variables.append("TERM=\(Host.variable("TERM") ?? "linux")") }
        return variables
    }

    private func staging(_ isolation: Isolation, limit: ByteCount) throws -> MachineSpecification.Staging {
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
            outputLimit: limit)
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

extension ImageOffer {
    package init(_ image: StoredImage) {
        let needs = image.configuration.needs
        self.init(
            environment: image.environment, memory: needs.memory, cores: needs.cores,
            architecture: ArchitectureLevel(rawValue: needs.architectureLevel) ?? .v1)
    }
}
