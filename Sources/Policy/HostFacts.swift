package import GridModel

/// What a host has for one more machine, at one moment.
package struct HostFacts: Codable, Equatable, Sendable {
    package var name: String
    package var cores: Int
    /// Those that no machine of this home has.
    package var freeCores: Int
    package var memory: ByteCount
    /// What neither the kernel nor a machine of this home has, less what a machine takes besides its job's memory.
    package var freeMemory: ByteCount
    /// On the disk that holds machines.
    package var freeDisk: ByteCount
    /// The level of the processor that machines see: the site's baseline, not the host's own.
    package var architecture: ArchitectureLevel
    package var gpus = 0
    /// The size of the huge pages that machines' memory comes from; nil where it is ordinary memory.
    package var hugepage: ByteCount?

    package init(
        name: String, cores: Int, freeCores: Int, memory: ByteCount, freeMemory: ByteCount, freeDisk: ByteCount,
        architecture: ArchitectureLevel
    ) {
        self.name = name
        self.cores = cores
        self.freeCores = freeCores
        self.memory = memory
        self.freeMemory = freeMemory
        self.freeDisk = freeDisk
        self.architecture = architecture
    }
}

/// What an image says that a machine needs.
package struct ImageOffer: Codable, Equatable, Sendable {
    package var environment: Environment
    package var memory: ByteCount
    package var cores: Int
    package var architecture: ArchitectureLevel

    package init(environment: Environment, memory: ByteCount, cores: Int, architecture: ArchitectureLevel) {
        self.environment = environment
        self.memory = memory
        self.cores = cores
        self.architecture = architecture
    }
}
