import Glibc
import GridModel
import Linux

/// Runs skopeo, which moves images between registries and layouts as they are.
struct Skopeo {
    let access: RegistryAccess
    /// Where it runs; layouts are named relative to it, for their paths may hold colons.
    let directory: String

    /// An average that a registry worth waiting for reaches.
    private static let bytesPerSecond: Int64 = 64 << 10
    private static let start: Int64 = 120

    /// What is copied, how much it is at most, and what is told meanwhile.
    struct Job {
        let what: String
        let bytes: Int64
        /// That which grows, and must not grow further; nil for a push.
        var growing: String?
        let show: (String) -> Void
    }

    /// Copies the manifest of a digest from a registry into a layout.
    func pull(_ reference: RegistryReference, to layout: String, _ job: Job) throws {
        let tls = access.isInsecure(reference) ? ["--src-tls-verify=false"] : []
        try copy(tls + ["docker://\(reference.name)", "oci:\(layout)"], reference, job)
    }

    /// Copies the manifest that a layout names by its digits to a registry.
    func push(_ digest: Digest, of layout: String, to reference: RegistryReference, _ job: Job) throws {
        let tls = access.isInsecure(reference) ? ["--dest-tls-verify=false"] : []
        try copy(tls + ["oci:\(layout):\(digest.hex)", "docker://\(reference.name)"], reference, job)
    }

    private func copy(_ arguments: [String], _ reference: RegistryReference, _ job: Job) throws {
        guard let program = Files.findProgram("skopeo", path: access.environment["PATH"]) else {
            throw RegistryError(
                .toolFailed, "the program skopeo is not installed; install it: apt-get install skopeo")
        }
        let log = "\(directory)/skopeo.log"
        let output = try Descriptor.open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND)
        let null = try Descriptor.open("/dev/null", O_RDWR)
        var child = ChildSpecification(
            program,
            ["--insecure-policy", "--tmpdir", directory, "copy", "--quiet", "--preserve-digests"] + arguments,
            environment: access.environment.map { "\($0.key)=\($0.value)" }, descriptors: [null, null, output])
        child.directory = directory
        // The signal follows the thread, and this one waits for the child.
        child.parentDeathSignal = SIGKILL
        let process = try ChildProcess.spawn(child)
        do { try watch(process, reference, job) } catch {
            process.signal(SIGKILL)
            _ = try process.wait()
            throw error
        }
        guard try process.wait() == .exited(0) else {
            throw RegistryError(
                .toolFailed, "skopeo could not copy \(job.what) with \(reference): \(try Self.end(of: log))")
        }
    }

    /// Returns when it has ended; throws where it takes too long or too much.
    private func watch(_ process: ChildProcess, _ reference: RegistryReference, _ job: Job) throws {
        let seconds = Self.start + job.bytes / Self.bytesPerSecond
        let end = ContinuousClock.now.advanced(by: .seconds(seconds))
        while try !Poll.wait(for: process.ended.raw, until: min(end, .now.advanced(by: .milliseconds(200)))) {
            guard ContinuousClock.now < end else {
                throw RegistryError(
                    .unavailable, "\(reference): \(job.what) was not copied within \(seconds) s; try again later")
            }
            guard let growing = job.growing else {
                job.show("pushing \(job.what), \(ByteCount(job.bytes).rounded)")
                continue
            }
            let here = try Self.size(of: growing)
            job.show("pulling \(job.what), \(ByteCount(here).rounded) of \(ByteCount(job.bytes).rounded)")
            guard here <= job.bytes + (1 << 20) else {
                throw RegistryError(
                    .wrongContent,
                    "\(reference) sends more than the \(job.bytes) bytes that the manifest of \(job.what) says")
            }
        }
    }

    private static func size(of layout: String) throws -> Int64 {
        var bytes: Int64 = 0
        for directory in [layout, "\(layout)/blobs/sha256"] where Files.isDirectory(directory) {
            for name in try Files.list(directory) {
                // A temporary file may have its name by now.
                bytes += try FileStatus.ifPresent("\(directory)/\(name)").map { $0.kind == .file ? $0.size : 0 } ?? 0
            }
        }
        return bytes
    }

    /// What it said last, without what a terminal would obey.
    private static func end(of log: String) throws -> String {
        let text = String(decoding: try Files.readBeginning(log, bytes: 1 << 16), as: UTF8.self)
        let line = text.split(separator: "\n").last ?? "it said nothing"
        return line.unicodeScalars.suffix(600).map { $0.value < 0x20 ? " " : String($0) }.joined()
    }
}
