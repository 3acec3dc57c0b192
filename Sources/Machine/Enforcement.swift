import GridModel
import Linux

extension MachineRecord.Enforcement {
    /// What holds a machine to each of its limits, for people. A wall or processor time that nobody gave is none.
    static func all(of specification: MachineSpecification, cgroup held: Set<Cgroup.Controller>) -> [Self] {
        func line(_ parts: String?...) -> String { parts.compactMap { $0 }.joined(separator: "; ") }
        let hosting = specification.hosting
        let processors = hosting?.processors.map { $0.map(String.init).joined(separator: ",") }
        let cores = specification.cores
        var all = [
            Self(
                "cores",
                by: line(
                    "QEMU: \(cores) virtual processor\(cores == 1 ? "" : "s")",
                    held.contains(.cpu) ? "cgroup cpu: \(Double(cores) + MachineCgroup.extraCores)" : nil,
                    processors.map { "affinity: \($0)" }, held.contains(.cpuset) ? "cgroup cpuset" : nil)),
            Self(
                "memory",
                by: line(
                    hosting == nil ? nil : "cgroup in the machine",
                    "QEMU: \(specification.backingMemory) in all\(hosting?.hasHugepages == true ? ", huge pages" : "")",
                    held.contains(.memory)
                        ? "cgroup memory: \(MachineCgroup.memory(specification, hostMemory: Host.memory).rounded)" : nil
                )),
            Self("scratch", by: "the size of its disk"),
        ]
        if let swap = specification.swap {
            all.append(Self("swap", by: swap.bytes == 0 ? "the machine has none" : "the size of its disk"))
        }
        if specification.outputLimit != nil { all.append(Self("output", by: "the supervisor counts it")) }
        if specification.wall != nil { all.append(Self("wall", by: "the supervisor's clock")) }
        if specification.cpu != nil { all.append(Self("cpu", by: "the processor time of QEMU, twice a second")) }
        if let network = specification.network {
            // Whatever the payload opens is let out.
            all.append(Self("network", by: network == .none ? "the machine has no network card" : nil))
        }
        return all
    }
}
