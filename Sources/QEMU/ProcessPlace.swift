package import Linux

/// Where a machine's processes run on the host.
package struct ProcessPlace: Sendable {
    /// `cgroup.procs` of the machine's cgroup, open for writing, in each hierarchy.
    package var cgroups: [Descriptor]
    /// The only processors; empty for all.
    package var processors: [Int]

    package init(cgroups: [Descriptor] = [], processors: [Int] = []) {
        self.cgroups = cgroups
        self.processors = processors
    }
}
