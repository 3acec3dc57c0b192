package import GridModel
package import ImageStore
import Linux
package import Policy
import QEMU
package import Settings

/// Looks at this host for one more machine.
package struct HostInspection {
    package let facts: HostFacts
    private let settings: HostSettings
    private let running: [MachineSpecification]

    /// `level` is the highest that the accelerator gives here.
    package init(_ home: Home, _ settings: HostSettings, level: ArchitectureLevel) throws {
        self.settings = settings
        running = try MachineDirectory.all(in: home.machines).compactMap { directory in
            // One that ends at this moment has taken its specification with it.
            directory.hasRecord ? nil : try? MachineSpecification.read(directory.specification)
        }
        let promised = running.reduce(0) { $0 + $1.machineMemory.bytes }
        let memory = try Host.memoryInformation()
        // A batch system's limits: QEMU is in its cgroup, or below. Huge pages are no matter of that controller.
        let room = try Cgroup.room()
        let free =
            settings.hugepages == true
            ? memory.freeHugepages
            : min(memory.available, max(0, Host.memory - promised), room.memory ?? .max)
        let cores = min(Host.cores, room.cores ?? .max)
        var facts = HostFacts(
            name: Host.name, cores: cores,
            freeCores: max(0, cores - running.reduce(0) { $0 + $1.cores }), memory: ByteCount(Host.memory),
            freeMemory: MachineMemory.job(in: ByteCount(free)),
            freeDisk: ByteCount(max(0, try Files.freeSpace(home.machines) - Self.diskReserve)),
            architecture: min(level, settings.processor ?? level))
        if settings.hugepages == true { facts.hugepage = ByteCount(Host.hugepageSize) }
        self.facts = facts
    }

    /// Of the home's disk; for records, logs and output.
    private static let diskReserve: Int64 = 64 << 20

    /// How a machine of so many cores is to be made here.
    package func hosting(cores: Int) throws -> MachineSpecification.Host {
        var host = MachineSpecification.Host(
            processor: Processor.model(facts.architecture), architecture: facts.architecture, cores: facts.cores)
        host.hasHugepages = settings.hugepages == true
        host.benchmark = settings.benchmark
        guard settings.pinning == true else { return host }
        let taken = Set(running.flatMap { $0.hosting?.processors ?? [] })
        let nodes = try Host.nodes().map { (node: $0.node, free: $0.processors.filter { !taken.contains($0) }) }
        if let node = nodes.first(where: { $0.free.count >= cores }) {
            host.processors = Array(node.free.prefix(cores))
            if nodes.count > 1 { host.node = node.node }
        } else {
            let free = nodes.flatMap(\.free)
            // Where not enough are left for all, none is for one alone.
            host.processors = free.count >= cores ? Array(free.prefix(cores)) : nil
        }
        return host
    }
}
