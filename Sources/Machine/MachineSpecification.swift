package import GridModel
import GuestProtocol
import Linux
package import Policy
package import QEMU
import StrictJSON

/// Everything that a supervisor needs to know of its machine: `spec.json` in the machine's directory, never changed.
package struct MachineSpecification: Codable, Sendable {
    package static let version = 2

    package var version = MachineSpecification.version
    package var id: MachineID
    package var created: Timestamp
    /// As the person asked for it.
    package var requested: Requirement
    package var image: Digest
    /// The environment that the image was chosen for.
    package var environment: Environment
    package var kernel: Digest
    package var cores: Int
    /// Anonymous and shared memory of the payload's processes; the machine has more (`machineMemory`).
    package var memory: ByteCount
    package var scratch: ByteCount
    package var wall: WallTime?
    package var accelerator: Accelerator
    package var user: User
    package var payload: Payload
    package var shares: [Share] = []
    /// Nil where directories are shared instead.
    package var staging: Staging?
    /// Appended to the kernel's command line.
    package var kernelArguments: [String] = []
    package var timings = Timings()
    /// How long it took to find or build the image, before this was written.
    package var imageMilliseconds: Int64 = 0
    /// What the payload may read of its machine in `/run/sojourn`, by name.
    package var documents: [String: String]?
    /// Nil in specifications of version 1, as is all that follows: QEMU's widest processor was taken, and the machine's
    /// memory was the job's.
    package var hosting: Host?
    package var swap: ByteCount?
    package var cpu: WallTime?
    package var network: NetworkProfile?
    package var outputLimit: ByteCount?
    /// Files that were staged in or named by the command, by path, for a replay.
    package var inputs: [String: Digest]?
    /// A check of the factory, of an image that has not its name yet.
    package var isCheck: Bool?

    /// How QEMU is to make the machine: by the site's choice, not by the host's accident.
    package struct Host: Codable, Sendable, Equatable {
        /// QEMU's name of the processor that the machine sees.
        package var processor: String
        package var architecture: ArchitectureLevel
        /// The host's processors that the machine runs on; nil for all.
        package var processors: [Int]?
        /// The NUMA node that its memory comes from.
        package var node: Int?
        package var hasHugepages = false
        /// HEPscore23 or HS06 of the whole host, as its site tells it.
        package var benchmark: Double?
        /// Processors of the whole host.
        package var cores: Int

        package init(processor: String, architecture: ArchitectureLevel, cores: Int) {
            self.processor = processor
            self.architecture = architecture
            self.cores = cores
        }
    }

    package struct Group: Codable, Sendable, Equatable {
        package var gid: UInt32
        package var name: String

        package init(gid: UInt32, name: String) {
            self.gid = gid
            self.name = name
        }
    }

    package struct User: Codable, Sendable, Equatable {
        package var uid: UInt32
        package var gid: UInt32
        package var name: String
        package var home: String
        package var groups: [Group]

        package init(uid: UInt32, gid: UInt32, name: String, home: String, groups: [Group]) {
            self.uid = uid
            self.gid = gid
            self.name = name
            self.home = home
            self.groups = groups
        }
    }

    package struct Payload: Codable, Sendable, Equatable {
        package var command: [String]
        package var directory: String
        /// `K=V`.
        package var environment: [String]
        package var terminal: Window?

        package init(command: [String], directory: String, environment: [String], terminal: Window?) {
            self.command = command
            self.directory = directory
            self.environment = environment
            self.terminal = terminal
        }
    }

    package struct Window: Codable, Sendable, Equatable {
        package var columns: UInt16
        package var rows: UInt16

        package init(columns: UInt16, rows: UInt16) {
            self.columns = columns
            self.rows = rows
        }
    }

    package struct Share: Codable, Sendable, Equatable {
        /// Absolute, without links.
        package var source: String
        package var destination: String
        package var readOnly: Bool
        package var isFile: Bool

        package init(source: String, destination: String, readOnly: Bool, isFile: Bool) {
            self.source = source
            self.destination = destination
            self.readOnly = readOnly
            self.isFile = isFile
        }
    }

    package struct Staging: Codable, Sendable, Equatable {
        /// Inputs, by name in the caller's directory.
        package var inputs: [String]
        /// Patterns for outputs.
        package var outputs: [String]
        /// Where inputs come from and outputs go to.
        package var directory: String
        package var outputLimit: ByteCount

        package init(inputs: [String], outputs: [String], directory: String, outputLimit: ByteCount) {
            self.inputs = inputs
            self.outputs = outputs
            self.directory = directory
            self.outputLimit = outputLimit
        }
    }

    /// How long the machine's control waits; tests shorten them.
    package struct Timings: Codable, Sendable, Equatable {
        package var bootSeconds: Int64 = 180
        package var silenceSeconds: Int64 = 60
        package var graceSeconds: Int64 = 10
        package var heartbeatSeconds: UInt16 = 5

        package init() {}
    }

    package init(
        id: MachineID, created: Timestamp, requested: Requirement, grant: Grant, image: Digest,
        environment: Environment,
        kernel: Digest, accelerator: Accelerator, hosting: Host, user: User, payload: Payload
    ) {
        self.id = id
        self.created = created
        self.requested = requested
        self.image = image
        self.environment = environment
        self.kernel = kernel
        self.accelerator = accelerator
        self.hosting = hosting
        self.user = user
        self.payload = payload
        cores = grant.cores
        memory = grant.memory
        scratch = grant.scratch
        wall = grant.wall
        cpu = grant.cpu
        swap = grant.swap
        network = grant.network
        outputLimit = grant.output
    }

    package static func read(_ path: String) throws -> MachineSpecification {
        let bytes = try Files.read(path, limit: 4 << 20)
        let found = try StrictJSON.decode(Versioned.self, from: bytes, source: path).version
        guard found <= version else {
            throw MachineError(
                .newerVersion,
                "\(path) is of version \(found), this sojourn knows \(version): use the sojourn that wrote it")
        }
        let specification = try StrictJSON.decode(MachineSpecification.self, from: bytes, source: path)
        for name in (specification.documents ?? [:]).keys where !GuestDocument.isName(name) {
            throw MachineError(.invalidSpecification, "\(path): '\(name)' is no document's name")
        }
        return specification
    }
}

extension MachineSpecification {
    /// The memory that QEMU gives the machine: besides the job's, what kernel, agent and the files in use take.
    package var machineMemory: ByteCount { hosting == nil ? memory : MachineMemory.machine(for: memory) }

    /// What is taken from the host for it: huge pages are whole.
    var backingMemory: ByteCount {
        guard hosting?.hasHugepages == true else { return machineMemory }
        let page = Linux.Host.hugepageSize
        return ByteCount((machineMemory.bytes + page - 1) / page * page)
    }
}

/// The one field that every version of a durable document has.
struct Versioned: Decodable {
    let version: Int
}
