package import GridModel

/// What a machine takes of its host's memory for a job's: the kernel, the agent and the files in use besides.
package enum MachineMemory {
    /// In whole mebibytes.
    package static func machine(for job: ByteCount) -> ByteCount {
        ByteCount(((job.bytes + job.bytes / 25 + overhead) >> 20) << 20)
    }

    /// The most for a job in a machine of so much.
    package static func job(in machine: ByteCount) -> ByteCount {
        ByteCount(max(0, machine.bytes - overhead) / 26 * 25)
    }

    /// Of huge pages, which are whole.
    package static func pages(for job: ByteCount, of size: ByteCount) -> Int64 {
        (machine(for: job).bytes + size.bytes - 1) / size.bytes
    }

    /// What grows with the memory, the kernel's accounts of its pages above all (1/64), is in the 1/25; this does not.
    /// Measured from 256 MiB to 4 GiB with Linux 6.1, guarded by `aPayloadCanHoldAllThatItAskedFor`.
    private static let overhead: Int64 = 144 << 20
}
