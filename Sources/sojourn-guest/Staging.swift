import Archive
import Glibc
import GuestProtocol
import Linux

/// Files of an isolated payload: in from one disk, out to another, as tar archives.
///
/// Both are handled by a child of the agent with the payload's user and without capabilities: a link that the payload
/// left in its directory leads no further than the payload itself could go.
enum Staging {
    /// The staging disks, opened while the real /dev was still there.
    struct Disks {
        private let input: Descriptor?
        private let output: Descriptor?

        init(_ disks: sojourn_guest.Disks) throws {
            let names = GuestLink.Disk.self
            input = disks.has(names.stageIn) ? try Descriptor.open(disks.path(names.stageIn), O_RDONLY) : nil
            output = disks.has(names.stageOut) ? try Descriptor.open(disks.path(names.stageOut), O_WRONLY) : nil
        }

        /// Unpacks the inputs into the payload's directory; `waiting` is called now and then.
        func bringIn(for context: GuestContext, waiting: () throws -> Void) throws {
            guard let input else { throw SystemError(code: 0, message: "the machine has no disk with inputs") }
            let failure = try Staging.run(["stage-in"], disk: input, context, waiting)
            if !failure.isEmpty { throw SystemError(code: 0, message: "stage in: \(failure)") }
        }

        /// Packs what matches the patterns; returns what went wrong, empty where nothing did.
        func takeOut(_ patterns: [String], for context: GuestContext, waiting: () throws -> Void) throws -> String {
            guard let output else { return patterns.isEmpty ? "" : "the machine has no disk for outputs" }
            return try Staging.run(["stage-out"] + patterns, disk: output, context, waiting)
        }
    }

    /// Runs this program once more with the payload's rights: descriptor 0 is the disk; what it says is returned.
    private static func run(
        _ arguments: [String], disk: Descriptor, _ context: GuestContext, _ waiting: () throws -> Void
    ) throws -> String {
        let report = try Descriptor.pipe()
        var child = ChildSpecification(
            "/proc/self/exe", arguments, environment: [], descriptors: [disk, report.write, report.write])
        child.directory = context.directory
        child.credentials = .init(uid: context.user.uid, gid: context.user.gid, groups: context.user.groups.map(\.gid))
        child.dropCapabilities = true
        let process = try ChildProcess.spawn(child)
        while try !Poll.wait(for: process.ended.raw, until: .now.advanced(by: .seconds(1))) { try waiting() }
        let status = try process.wait()
        try report.read.setNonblocking()
        let said = String(decoding: try report.read.read(upTo: 8192) ?? [], as: UTF8.self)
        return status == .exited(0) ? said : "\(said) (\(status))"
    }

    // MARK: In the child

    static func runStageIn() -> Never {
        report {
            let disk = Descriptor(owning: 0)
            let directory = try Descriptor.open(".", O_RDONLY | O_DIRECTORY)
            let result = try TarExtractor.extract(
                { try disk.read(upTo: $0) ?? [] }, into: directory.raw,
                options: .init(totalBytes: .max, entries: 1_000_000))
            if let refusal = result.refusals.first { print("\(refusal.path): \(refusal.reason)") }
        }
    }

    static func runStageOut(patterns: [String]) -> Never {
        report {
            let disk = Descriptor(owning: 0)
            let directory = try Descriptor.open(".", O_RDONLY | O_DIRECTORY)
            var names: [String] = []
            var remarks: [String] = []
            for pattern in patterns {
                let found = matches(pattern)
                if found.isEmpty { remarks.append("nothing matches '\(pattern)'") }
                names += found
            }
            let writer = TarWriter { try disk.write($0) }
            let packed = try withExtendedLifetime(directory) {
                try TarPacker.pack(Array(Set(names)).sorted(), in: directory.raw, to: writer)
            }
            try writer.finish()
            try disk.synchronise()
            remarks += packed.skipped.map { "\($0.path) was left out: \($0.reason)" }
            remarks += packed.resized.map { "\($0.path) changed while it was packed" }
            // A pipe that nobody reads before our end holds 64 KiB.
            let rest = remarks.count > 20 ? ["and \(remarks.count - 20) more"] : []
            print((remarks.prefix(20).map { String($0.prefix(200)) } + rest).joined(separator: "; "), terminator: "")
        }
    }

    private static func report(_ body: () throws -> Void) -> Never {
        do {
            try body()
            exit(0)
        } catch let error as SystemError where error.code == ENOSPC {
            print("the outputs do not fit their disk; ask for more with --out-limit")
        } catch {
            print("\(error)")
        }
        exit(1)
    }

    /// The names in the current directory that match a shell pattern (glob(3)).
    private static func matches(_ pattern: String) -> [String] {
        var result = glob_t()
        defer { globfree(&result) }
        guard glob(pattern, 0, nil, &result) == 0 else { return [] }
        return (0..<Int(result.gl_pathc)).compactMap { result.gl_pathv[$0].map { String(cString: $0) } }
    }
}
