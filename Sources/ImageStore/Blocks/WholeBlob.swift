import Glibc
package import ImageFormat
import Linux

/// A blob that is fetched as a whole, into a file beside the place where it will be: nothing uses it before it has its
/// digest, and what came before a kill is not fetched again.
package struct WholeBlob {
    private let blob: OCIDescriptor
    private let part: String
    private let mode: UInt32

    /// What it took.
    package struct Arrival: Sendable {
        package var bytes: Int64 = 0
        package var requests = 0
        /// Why places were passed by: for people.
        package var faults: [String] = []
    }

    /// - Parameters:
    ///   - part: where it is while it comes.
    ///   - mode: who may read it.
    package init(_ blob: OCIDescriptor, at part: String, mode: UInt32 = 0o600) {
        self.blob = blob
        self.part = part
        self.mode = mode
    }

    /// Makes `path` hold it, from the first place that gives the right content.
    ///
    /// - Parameter progress: called with how much of it is here.
    package func bring(
        to path: String, from places: [any RangeSource], progress: (Int64) -> Void = { _ in }
    ) throws -> Arrival {
        var arrival = Arrival()
        for place in places {
            do {
                try bring(to: path, from: place, &arrival, progress)
                return arrival
            } catch let error as SystemError { throw error } catch {
                arrival.faults.append("\(place): \(error)")
            }
        }
        let reasons = arrival.faults.isEmpty ? "no place is known that has it" : arrival.faults.joined(separator: "; ")
        throw ImageStoreError(.missingBlob, "the blob \(blob.digest) cannot be had: \(reasons)")
    }

    /// As from several places; what this one does wrong is thrown as it is.
    package func bring(
        to path: String, from place: any RangeSource, progress: (Int64) -> Void = { _ in }
    ) throws -> Arrival {
        var arrival = Arrival()
        try bring(to: path, from: place, &arrival, progress)
        return arrival
    }

    private func bring(
        to path: String, from place: any RangeSource, _ arrival: inout Arrival, _ progress: (Int64) -> Void
    ) throws {
        let file = try Descriptor.open(part, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, mode: mode)
        if try file.size() > blob.size { try empty(file) }
        let isResumed = try file.size() > 0
        do { try complete(file, from: place, &arrival, progress) } catch let error as ImageStoreError
            where isResumed && [.corruptedBlob, .noRanges].contains(error.code)
        {
            // What was wrong may be what was here before: power was lost, or another place had sent it.
            try empty(file)
            try complete(file, from: place, &arrival, progress)
        }
        try file.synchronise()
        try Files.rename(part, to: path)
    }

    /// Appends what is missing; of a wrong content nothing stays.
    private func complete(
        _ file: Descriptor, from place: any RangeSource, _ arrival: inout Arrival, _ progress: (Int64) -> Void
    ) throws {
        var size = try file.size()
        if size < blob.size {
            arrival.requests += 1
            try place.read(blob, size..<blob.size) { piece in
                guard size + Int64(piece.count) <= blob.size else {
                    try empty(file)
                    throw ImageStoreError(.corruptedBlob, "it sends more than the \(blob.size) bytes of \(blob.digest)")
                }
                try file.write(piece)
                size += Int64(piece.count)
                arrival.bytes += Int64(piece.count)
                progress(size)
            }
        }
        let found = try BlobHash.digest(of: file, named: part)
        guard size == blob.size, found == blob.digest else {
            try empty(file)
            throw ImageStoreError(
                .corruptedBlob,
                "\(size) bytes of the content \(found) came, where \(blob.size) of \(blob.digest) were promised; it was "
                    + "not used; tell those who serve it")
        }
    }

    private func empty(_ file: Descriptor) throws {
        try retrying("begin the blob \(blob.digest) anew") { ftruncate(file.raw, 0) }
    }
}
