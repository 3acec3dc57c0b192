/// What a job asks for. A field that is nil was not asked for: `defaults` then holds.
package struct Requirement: Codable, Hashable, Sendable {
    package static let version = 1

    /// A whole environment, `EXPERIMENT/SOFTWARE:VERSION@OS`.
    package var environment: Environment?
    /// A type of system alone, such as `debian12`, in place of an environment.
    package var os: String?
    /// The least that the job's instructions need.
    package var architecture: ArchitectureLevel?
    package var cores: CoreRange?
    /// Anonymous and shared memory of all processes of the job together; page cache does not count.
    package var memory: ByteRange?
    /// The same for each core that the job gets, in place of `memory`.
    package var memoryPerCore: ByteRange?
    /// Room for everything that the job writes outside shared directories.
    package var scratch: ByteRange?
    /// Swap space besides the memory.
    package var swap: ByteCount?
    /// From the payload's start.
    package var wall: WallTime?
    /// Processor time of all cores together, from the payload's start, as the host counts it.
    package var cpu: WallTime?
    package var network: NetworkProfile?
    package var gpus: Int?
    /// The most that the job may print, and the most that may be staged out.
    package var output: ByteCount?

    package init() {}

    /// What holds where nothing was asked for.
    package static let defaults: Requirement = {
        var defaults = Requirement()
        defaults.architecture = .v1
        defaults.cores = .one
        defaults.memory = ByteRange(.gibibytes(1))
        defaults.scratch = ByteRange(.gibibytes(1), .gibibytes(10))
        defaults.swap = ByteCount(0)
        defaults.network = NetworkProfile.none
        defaults.gpus = 0
        defaults.output = .gibibytes(4)
        return defaults
    }()

    /// These wishes, and those of `other` where there are none. Two fields that say the same thing in two ways are one.
    package func over(_ other: Requirement) -> Requirement {
        var result = self
        if environment == nil && os == nil { (result.environment, result.os) = (other.environment, other.os) }
        if memory == nil && memoryPerCore == nil {
            (result.memory, result.memoryPerCore) = (other.memory, other.memoryPerCore)
        }
        result.architecture = architecture ?? other.architecture
        result.cores = cores ?? other.cores
        result.scratch = scratch ?? other.scratch
        result.swap = swap ?? other.swap
        result.wall = wall ?? other.wall
        result.cpu = cpu ?? other.cpu
        result.network = network ?? other.network
        result.gpus = gpus ?? other.gpus
        result.output = output ?? other.output
        return result
    }

    /// The environment that it names; nil where it names none.
    package var wantedEnvironment: Environment? { environment ?? os.map { Environment(software: nil, os: $0) } }
}
