package import GridModel
import ImageStore
import Linux
package import Policy
package import QEMU
import StrictJSON

/// What is known of a run afterwards: `record.json` in the machine's directory.
package struct MachineRecord: Codable, Sendable {
    package static let version = 2

    package var version = MachineRecord.version
    package var id: MachineID
    package var host: String
    package var requested: Requirement
    package var environment: Environment
    package var image: Digest
    package var kernel: Digest
    package var kernelRelease: String?
    package var cores: Int
    package var memory: ByteCount
    package var scratch: ByteCount
    package var wall: WallTime?
    package var accelerator: Accelerator
    package var uid: UInt32
    package var user: String
    package var command: [String]
    package var directory: String
    package var shares: [MachineSpecification.Share]
    package var created: Timestamp
    package var ended: Timestamp
    /// Milliseconds by phase, in the order in which they happened.
    package var phases: [Phase]
    package var usage: Usage?
    package var outcome: Outcome
    /// What was promised by nobody: limits that this host does not enforce, outputs that were refused.
    package var notes: [String]
    /// Files brought back from an isolated machine.
    package var outputs: [String]
    // Nil in records of version 1.
    package var hosting: MachineSpecification.Host?
    package var swap: ByteCount?
    package var cpu: WallTime?
    package var network: NetworkProfile?
    package var outputLimit: ByteCount?
    package var machineMemory: ByteCount?
    package var inputs: [String: Digest]?
    /// Why image and kernel were let run, or which of them was not, by the site's rules of that moment.
    package var acceptance: [Decision]?
    /// Each limit with what held the machine to it.
    package var enforcement: [Enforcement]?
    /// As the host counted, over the whole run.
    package var hostUsage: HostUsage?
    /// Blocks of the image that were fetched while it ran; nil where none were.
    package var arrival: Arrival?

    package struct Arrival: Codable, Sendable, Equatable {
        package struct Place: Codable, Sendable, Equatable {
            package var place: String
            package var bytes: Int64
        }

        package var bytes: Int64
        package var places: [Place]

        init(_ report: BlockReport) {
            bytes = report.total
            places = report.bytes.map { Place(place: $0.place, bytes: $0.bytes) }
        }
    }

    package struct Phase: Codable, Sendable, Equatable {
        package var name: String
        package var milliseconds: Int64
        /// What the machine's processes on the host used in it; nil where there were none.
        package var host: HostUsage?

        package init(name: String, milliseconds: Int64) {
            self.name = name
            self.milliseconds = milliseconds
        }
    }

    /// Of QEMU and the servers of shared directories, as the host's kernel counted.
    package struct HostUsage: Codable, Sendable, Equatable {
        package var processorMilliseconds: Int64 = 0
        /// Anonymous and shared memory of all of them, at its peak so far.
        package var peakMemory = ByteCount(0)
        /// From and to files of the host: disks and shared directories.
        package var readBytes: Int64 = 0
        package var writtenBytes: Int64 = 0

        package init() {}
    }

    /// How one limit was enforced.
    package struct Enforcement: Codable, Sendable, Equatable {
        /// As in a requirement: `memory`.
        package var limit: String
        /// For people: `QEMU: the machine has no more`, `cgroup memory.max`; nil where nothing enforced it.
        package var by: String?

        package init(_ limit: String, by: String?) {
            self.limit = limit
            self.by = by
        }
    }

    /// Of all the payload's processes, as the guest counted.
    package struct Usage: Codable, Sendable, Equatable {
        package var userMilliseconds: Int64
        package var systemMilliseconds: Int64
        /// Anonymous and shared memory of all of them at one time, without page cache. In records of version 1 with it.
        package var peakMemory: ByteCount
        /// From and to the machine's own disks; nil in records of version 1.
        package var readBytes: Int64?
        package var writtenBytes: Int64?
        /// What the payload had on the scratch disk at most.
        package var peakScratch: ByteCount?
        package var peakSwap: ByteCount?

        package init(userMilliseconds: Int64, systemMilliseconds: Int64, peakMemory: ByteCount) {
            self.userMilliseconds = userMilliseconds
            self.systemMilliseconds = systemMilliseconds
            self.peakMemory = peakMemory
        }
    }

    /// A record of `specification` as far as it is known before anything ran.
    package init(_ specification: MachineSpecification, outcome: Outcome, ended: Timestamp) {
        id = specification.id
        host = Host.name
        requested = specification.requested
        environment = specification.environment
        image = specification.image
        kernel = specification.kernel
        cores = specification.cores
        memory = specification.memory
        scratch = specification.scratch
        wall = specification.wall
        accelerator = specification.accelerator
        uid = specification.user.uid
        user = specification.user.name
        command = specification.payload.command
        directory = specification.payload.directory
        shares = specification.shares
        created = specification.created
        self.ended = ended
        self.outcome = outcome
        hosting = specification.hosting
        swap = specification.swap
        cpu = specification.cpu
        network = specification.network
        outputLimit = specification.outputLimit
        machineMemory = specification.machineMemory
        inputs = specification.inputs
        phases = []
        notes = []
        outputs = []
    }

    /// Also one that came from elsewhere: of a version that is known, and within bounds.
    package static func read(_ path: String) throws -> MachineRecord {
        let bytes = try Files.read(path, limit: 16 << 20)
        let found = try StrictJSON.decode(Versioned.self, from: bytes, source: path).version
        guard found <= version else {
            throw MachineError(
                .newerVersion, "\(path) is of version \(found), this sojourn knows \(version): use a newer one")
        }
        let record = try StrictJSON.decode(MachineRecord.self, from: bytes, source: path)
        guard !record.command.isEmpty, (1...1024).contains(record.cores) else {
            throw MachineError(.invalidSpecification, "\(path) is no record of a run: it has no command, or no cores")
        }
        return record
    }

    package func json() throws -> [UInt8] { try StrictJSON.encode(self, pretty: false) }
}
