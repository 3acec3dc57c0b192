package import GridModel
package import QEMU
import StrictJSON
import System

/// What is known of a run afterwards: `record.json` in the machine's directory.
package struct MachineRecord: Codable, Sendable {
    package static let version = 1

    package var version = MachineRecord.version
    package var id: MachineID
    package var host: String
    package var requested: MachineSpecification.Requested
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

    package struct Phase: Codable, Sendable, Equatable {
        package var name: String
        package var milliseconds: Int64

        package init(name: String, milliseconds: Int64) {
            self.name = name
            self.milliseconds = milliseconds
        }
    }

    /// Of all the payload's processes, as the guest counted.
    package struct Usage: Codable, Sendable, Equatable {
        package var userMilliseconds: Int64
        package var systemMilliseconds: Int64
        package var peakMemory: ByteCount

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
        phases = []
        notes = []
        outputs = []
    }

    package static func read(_ path: String) throws -> MachineRecord {
        try StrictJSON.decode(MachineRecord.self, from: try Files.read(path, limit: 16 << 20), source: path)
    }

    package func json() throws -> [UInt8] { try StrictJSON.encode(self, pretty: false) }
}
