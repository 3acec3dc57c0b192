package import GridModel
package import QEMU
import StrictJSON
import System

/// Everything that a supervisor needs to know of its machine: `spec.json` in the machine's directory, never changed.
package struct MachineSpecification: Codable, Sendable {
    package static let version = 1

    package var version = MachineSpecification.version
    package var id: MachineID
    package var created: Timestamp
    package var requested: Requested
    package var image: Digest
    /// The environment that the image was chosen for.
    package var environment: Environment
    package var kernel: Digest
    package var cores: Int
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

    /// As the person wrote it.
    package struct Requested: Codable, Sendable, Equatable {
        package var environment: String
        package var cores: CoreRange
        package var memory: ByteCount
        package var scratch: ByteCount
        package var wall: WallTime?

        package init(environment: String, cores: CoreRange, memory: ByteCount, scratch: ByteCount, wall: WallTime?) {
            self.environment = environment
            self.cores = cores
            self.memory = memory
            self.scratch = scratch
            self.wall = wall
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
        id: MachineID, created: Timestamp, requested: Requested, image: Digest, environment: Environment,
        kernel: Digest,
        cores: Int, accelerator: Accelerator, user: User, payload: Payload
    ) {
        self.id = id
        self.created = created
        self.requested = requested
        self.image = image
        self.environment = environment
        self.kernel = kernel
        self.cores = cores
        memory = requested.memory
        scratch = requested.scratch
        wall = requested.wall
        self.accelerator = accelerator
        self.user = user
        self.payload = payload
    }

    package static func read(_ path: String) throws -> MachineSpecification {
        let bytes = try Files.read(path, limit: 4 << 20)
        let found = try StrictJSON.decode(Versioned.self, from: bytes, source: path).version
        guard found <= version else {
            throw MachineError(
                .newerVersion,
                "\(path) is of version \(found), this sojourn knows \(version): use the sojourn that wrote it")
        }
        return try StrictJSON.decode(MachineSpecification.self, from: bytes, source: path)
    }
}

/// The one field that every version of a durable document has.
struct Versioned: Decodable {
    let version: Int
}
