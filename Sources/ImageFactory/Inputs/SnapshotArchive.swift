import GridModel
import ImageFormat
import Linux

/// A build server's directory or tar as one tar that depends on its content alone.
struct SnapshotArchive {
    /// As the recipe names it.
    let source: String
    /// The recipe's path.
    let beside: String
    let tools: Toolbox
    let progress: (String) -> Void

    private var path: String { RecipeText(path: beside, bytes: []).path(of: source) }

    func lock(_ inputs: Inputs, in directory: String) throws -> Lock.Snapshot {
        guard Files.exists(path) else {
            throw ImageFactoryError(
                .wrongInput, "\(beside): there is no directory or tar \(path), which 'snapshot' names")
        }
        try refuseWithoutRoom(directory)
        progress("taking the snapshot \(path)")
        let archive = "\(directory)/snapshot.tar"
        if Files.isDirectory(path) {
            try pack(path, to: archive)
        } else {
            // Packed anew: order, owners and holes are then ours, whoever wrote it.
            let unpacked = "\(directory)/snapshot"
            try Files.makeDirectories(unpacked)
            try tools.run(
                .tar, ["--extract", "--sparse", "--no-same-owner", "--file", path, "--directory", unpacked],
                deadline: .seconds(7200))
            try pack(unpacked, to: archive)
            try Files.removeTree(unpacked)
        }
        let (digest, size) = try inputs.keep(archive)
        return Lock.Snapshot(source: source, digest: digest, size: size)
    }

    /// GNU's format: sparse files stay sparse, and there is no place for what differs from host to host. Holes are found by
    /// reading, since filesystems differ in what they keep as one.
    private func pack(_ directory: String, to archive: String) throws {
        try tools.run(
            .tar,
            [
                "--create", "--format=gnu", "--sparse", "--hole-detection=raw", "--sort=name", "--numeric-owner",
                "--owner=0",
                "--group=0", "--file", archive, "--directory", directory, ".",
            ], deadline: .seconds(14400))
    }

    /// It is on the disk as an archive, a tree and a filesystem before the build is over.
    private func refuseWithoutRoom(_ directory: String) throws {
        let usage = try tools.output(.diskUsage, ["--summarize", "--block-size=1", "--", path])
        let taken = usage.split(whereSeparator: \.isWhitespace).first.flatMap { Int64($0) } ?? 0
        let free = try Files.freeSpace(directory)
        guard free / 3 > taken else {
            throw ImageFactoryError(
                .noSpace,
                "the snapshot \(path) takes \(ByteCount(taken).rounded), and a build needs about three times as much; "
                    + "\(directory) has \(ByteCount(free).rounded) left; make room, or give another home with --home")
        }
    }
}
