package import GridModel
package import HTTPTransport
import ImageFormat
import ImageStore
import Linux
package import Settings

/// Makes a directory a full copy of catalogues. Each is verified as a client verifies it, and served as it was until all of
/// the new is there: the timestamp, with which clients begin, is replaced last.
package struct MirrorCopy {
    private let directory: MirrorDirectory
    private let transport: HTTPTransport
    private let now: Timestamp
    private let isThorough: Bool
    private let progress: (String) -> Void

    /// What was done.
    package struct Report: Sendable {
        package struct Catalogue: Sendable {
            package let name: String
            /// Images and kernels.
            package var artifacts = 0
            /// That came.
            package var blobs = 0
            package var bytes: Int64 = 0
            package var expires: Timestamp?
            /// What is not as it should be, and does not hinder the rest.
            package var warnings: [String] = []
            /// Why what is served of it is what it was.
            package var error: String?
        }

        package var catalogues: [Catalogue] = []
        /// Files that nothing named any more.
        package var removed = 0

        package var isWhole: Bool { catalogues.allSatisfy { $0.error == nil } }
    }

    /// - Parameter isThorough: whether blobs that are there are read and hashed again.
    package init(
        into path: String, over transport: HTTPTransport, now: Timestamp, isThorough: Bool = false,
        progress: @escaping (String) -> Void
    ) {
        directory = MirrorDirectory(path: path)
        self.transport = transport
        self.now = now
        self.isThorough = isThorough
        self.progress = progress
    }

    /// Copies each of them from its own address; one that fails leaves the others alone.
    /// - Parameter grace: how long what nothing names stays.
    package func run(_ sources: [TrustedCatalogue], grace: WallTime) throws -> Report {
        if let odd = sources.first(where: { ["blobs", "holders"].contains($0.name) }) {
            throw DistributionError(
                .refused,
                "a catalogue of the name '\(odd.name)' cannot be mirrored: the mirror serves something else there")
        }
        var directory = directory
        try directory.make()
        let waiting = { progress("another copy into \(directory.path) is under way; waiting") }
        return try directory.withLock(waiting: waiting) {
            var report = Report()
            for source in sources {
                var catalogue = Report.Catalogue(name: source.name)
                do {
                    let work = CatalogueCopy(
                        source, directory, transport, now: now, isThorough: isThorough, progress: progress)
                    try work.run(&catalogue)
                } catch { catalogue.error = "\(error)" }
                report.catalogues.append(catalogue)
            }
            report.removed = try directory.sweep(sources.map(\.name), grace: grace, now: now)
            return report
        }
    }
}
