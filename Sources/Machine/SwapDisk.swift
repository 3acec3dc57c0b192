import Glibc
import GridModel
import Linux

/// A disk of swap space, which takes room on the host only as it fills.
enum SwapDisk {
    /// A page of the disk says what it is.
    private static let header: Int64 = 4096
    /// mkswap(8) makes none of fewer pages.
    private static let least: Int64 = 10 * 4096

    static func make(_ path: String, size: ByteCount, log: String) throws -> Descriptor {
        guard let mkswap = Files.findProgram("mkswap", path: nil) else {
            throw MachineError(
                .invalidSpecification,
                "no mkswap on this host, which makes swap disks; install it: apt-get install util-linux")
        }
        let pages = (size.bytes + 4095) / 4096 * 4096
        let file = try Descriptor.createSparse(path, bytes: max(pages + header, least))
        let output = try Descriptor.open(log, O_RDWR | O_CREAT | O_APPEND)
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        var child = ChildSpecification(
            mkswap, ["--quiet", "--pagesize", "4096", path], environment: ["LC_ALL=C"],
            descriptors: [null, output, output])
        child.parentDeathSignal = SIGKILL
        let status = try ChildProcess.spawn(child).wait()
        if status == .exited(0) { return file }
        let said = String(decoding: try Files.read(log, limit: 1 << 20).suffix(1000), as: UTF8.self)
        throw MachineError(.invalidSpecification, "mkswap could not make the swap disk (\(status)): \(said)")
    }
}
