import Glibc
import GridModel
import Linux

/// An empty ext4 whose size is the limit of what a payload can write; it takes room on the host only as it fills.
struct ScratchDisk {
    private let file: Descriptor
    private let formatting: ChildProcess
    private let log: String

    /// Starts to format a new file; `finish` waits for it.
    static func start(_ path: String, size: ByteCount, log: String) throws -> ScratchDisk {
        guard let mke2fs = Files.findProgram("mke2fs", path: nil) else {
            throw MachineError(
                .invalidSpecification,
                "no mke2fs on this host, which makes scratch disks; install it: apt-get install e2fsprogs")
        }
        let file = try Descriptor.createSparse(path, bytes: size.bytes)
        let output = try Descriptor.open(log, O_RDWR | O_CREAT | O_APPEND)
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        var child = ChildSpecification(
            mke2fs,
            [
                "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-O", "^has_journal,^resize_inode", "-E",
                "lazy_itable_init=1,nodiscard,root_owner=0:0", path,
            ], environment: ["LC_ALL=C"], descriptors: [null, output, output])
        child.parentDeathSignal = SIGKILL
        return ScratchDisk(file: file, formatting: try ChildProcess.spawn(child), log: log)
    }

    func finish() throws -> Descriptor {
        let status = try formatting.wait()
        if status == .exited(0) { return file }
        let said = String(decoding: try Files.read(log, limit: 1 << 20).suffix(1000), as: UTF8.self)
        throw MachineError(.invalidSpecification, "mke2fs could not make the scratch disk (\(status)): \(said)")
    }
}
