import GridModel
import Linux
import QEMU
import StrictJSON

/// The cgroup of one machine's processes: QEMU and the servers of its shared directories.
enum MachineCgroup {
    /// Besides its virtual processors QEMU runs threads for disks and network, and each virtiofsd its own.
    static let extraCores = 0.5

    /// What the machine's processes may have together: its memory, and what QEMU and virtiofsd need for themselves.
    static func memory(_ specification: MachineSpecification, hostMemory: Int64) -> ByteCount {
        // Huge pages are no matter of this controller.
        let machine = specification.hosting?.hasHugepages == true ? 0 : specification.machineMemory.bytes
        let perShare = Int64(specification.shares.count) * (64 << 20)
        let perCore = Int64(specification.cores) * (16 << 20)
        // QEMU keeps what it has translated: 1 GiB or an eighth of the host's memory (tcg/region.c, QEMU 7.2).
        let translated = specification.accelerator == .tcg ? min(1 << 30, hostMemory / 8) : 0
        return ByteCount(machine + (192 << 20) + perShare + perCore + translated)
    }

    /// Nil where this host lets us make none. Its directories are written down first: whoever finds the machine dead
    /// removes them.
    static func make(_ specification: MachineSpecification, _ directory: MachineDirectory) throws -> Cgroup? {
        var limits = Cgroup.Limits()
        limits.cores = Double(specification.cores) + extraCores
        limits.memory = memory(specification, hostMemory: Host.memory).bytes
        limits.processors = specification.hosting?.processors
        return try Cgroup.make(name(specification.id), limits) { directories in
            try Files.write(try StrictJSON.encode(directories), to: directory.cgroups, mode: 0o600)
        }
    }

    private static func name(_ id: MachineID) -> String { "sojourn-\(id)" }

    /// Removes what a machine whose supervisor was killed has left.
    static func removeAbandoned(_ directory: MachineDirectory) throws {
        guard Files.exists(directory.cgroups) else { return }
        let bytes = try Files.read(directory.cgroups, limit: 1 << 16)
        let directories = try StrictJSON.decode([String].self, from: bytes, source: directory.cgroups)
        let own = "sojourn-\(Files.name(of: directory.path))"
        try Cgroup.remove(directories.filter { Files.name(of: $0) == own })
    }
}
