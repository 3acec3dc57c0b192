import ArgumentParser
import Distribution
import GridModel
import ImageFormat
import ImageStore

/// What differs between two images or two kernels.
struct ImageDifference: Shown {
    struct Side: Encodable {
        var name: String
        var digest: Digest
        var size: Int64

        init(_ artifact: StoredArtifact) {
            name = artifact.name
            digest = artifact.digest
            size = artifact.size
        }
    }

    struct FileSum: Encodable {
        var count = 0
        var bytesBefore: Int64 = 0
        var bytesAfter: Int64 = 0
    }

    struct Change: Encodable {
        var change: String
        var path: String
        var bytesBefore: Int64
        var bytesAfter: Int64
        var what: [String]
    }

    /// A filesystem, or a part of a kernel.
    struct Layer: Encodable {
        var name: String
        var digest: Digest
        var size: Int64
    }

    let from: Side
    let to: Side
    let packages: [PackageComparison.Change]
    /// By added, removed, changed; of images.
    let files: [String: FileSum]?
    /// Where every file was asked for.
    let changes: [Change]?
    let sharedLayers: [Layer]
    let layersBefore: [Layer]
    let layersAfter: [Layer]
    let kernelBefore: Digest?
    let kernelAfter: Digest?
    /// The blobs of the second that the first lacks, as wholes.
    let blobsToMove: Int
    let bytesToMove: Int64
    /// What a pull fetches.
    let pull: PullPrediction

    init(
        from old: StoredArtifact, to new: StoredArtifact, _ store: ImageStore, listingFiles: Bool, pull: PullPrediction
    ) throws {
        self.pull = pull
        (from, to) = (Side(old), Side(new))
        packages = PackageComparison.changes(from: try store.packages(of: old), to: try store.packages(of: new))
        switch (old, new) {
        case (.image(let old), .image(let new)):
            let changes = FileComparison.changes(from: try store.files(of: old), to: try store.files(of: new))
            files = changes.reduce(into: ["added": FileSum(), "removed": FileSum(), "changed": FileSum()]) {
                $0[$1.kind.rawValue]?.add($1)
            }
            self.changes = listingFiles ? changes.map(Change.init) : nil
            (kernelBefore, kernelAfter) = (old.configuration.kernel, new.configuration.kernel)
        case (.kernel, .kernel):
            if listingFiles { throw ValidationError("kernels have no list of files") }
            (files, changes, kernelBefore, kernelAfter) = (nil, nil, nil, nil)
        default: throw ValidationError("\(old.name) and \(new.name) are an image and a kernel; give two of one kind")
        }
        let (before, after) = (Self.layers(of: old), Self.layers(of: new))
        sharedLayers = after.filter { layer in before.contains { $0.digest == layer.digest } }
        layersBefore = before.filter { layer in !after.contains { $0.digest == layer.digest } }
        layersAfter = after.filter { layer in !before.contains { $0.digest == layer.digest } }
        var known = Set(try store.blobs(of: old).map(\.digest))
        let moved = try store.blobs(of: new).filter { known.insert($0.digest).inserted }
        blobsToMove = moved.count
        bytesToMove = moved.reduce(0) { $0 + $1.size }
    }

    private static func layers(of artifact: StoredArtifact) -> [Layer] {
        switch artifact {
        case .image(let image):
            image.layers.map { Layer(name: $0.name, digest: $0.filesystem.digest, size: $0.filesystem.size) }
        case .kernel(let kernel):
            [("vmlinuz", kernel.vmlinuz), ("modules", kernel.modules)].map {
                Layer(name: $0, digest: $1.digest, size: $1.size)
            }
        }
    }
}

extension ImageDifference.FileSum {
    fileprivate mutating func add(_ change: FileComparison.Change) {
        count += 1
        bytesBefore += change.before
        bytesAfter += change.after
    }
}

extension ImageDifference.Change {
    fileprivate init(_ change: FileComparison.Change) {
        self.change = change.kind.rawValue
        path = change.absolutePath
        bytesBefore = change.before
        bytesAfter = change.after
        what = change.what
    }
}
