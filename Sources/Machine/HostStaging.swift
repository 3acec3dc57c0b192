import Archive
import Glibc
import GridModel
import Linux

/// The host's side of staging: inputs into a tar, and back from a tar that a guest wrote, which is hostile.
enum HostStaging {
    /// Packs the inputs; the disk is padded to whole sectors.
    static func pack(_ staging: MachineSpecification.Staging, to path: String) throws -> Descriptor {
        let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_TRUNC)
        let directory = try Descriptor.open(staging.directory, O_RDONLY | O_DIRECTORY)
        let writer = TarWriter { try file.write($0) }
        let result = try withExtendedLifetime(directory) {
            try TarPacker.pack(staging.inputs, in: directory.raw, to: writer)
        }
        if let problem = result.skipped.first {
            throw MachineError(.invalidShare, "input \(problem.path) cannot be staged: \(problem.reason)")
        }
        if let changed = result.resized.first {
            throw MachineError(
                .invalidShare, "input \(changed.path) changed while it was staged: try again when it is complete")
        }
        try writer.finish()
        let size = try file.size()
        try file.write([UInt8](repeating: 0, count: Int((4096 - size % 4096) % 4096)))
        // QEMU takes for a read-only disk only what is open so.
        return try Descriptor.open(path, O_RDONLY)
    }

    /// Puts the outputs into the caller's directory and nowhere else; what the rules refuse is named, the rest comes.
    static func unpack(
        _ path: String, to staging: MachineSpecification.Staging, owner: MachineSpecification.User
    ) throws -> TarExtractor.Result {
        let file = try Descriptor.open(path, O_RDONLY)
        let directory = try Descriptor.open(staging.directory, O_RDONLY | O_DIRECTORY)
        var options = TarExtractor.Options(
            totalBytes: staging.outputLimit.bytes, entries: 1_000_000,
            owner: Host.effectiveUser == 0 ? .init(uid: owner.uid, gid: owner.gid) : nil, synchronise: true)
        let patterns = staging.outputs
        options.accepts = { path in patterns.contains { Files.leadingPart(of: path, matches: $0) } }
        return try withExtendedLifetime(directory) {
            try TarExtractor.extract({ try file.read(upTo: $0) ?? [] }, into: directory.raw, options: options)
        }
    }
}
