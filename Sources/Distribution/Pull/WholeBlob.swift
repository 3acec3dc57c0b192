import Glibc
import GridModel
import ImageFormat
import ImageStore
import Linux

/// A blob that is fetched as a whole: nothing uses it before it has its digest.
struct WholeBlob {
    let blob: OCIDescriptor
    let places: RangePlaces

    /// Makes `path` hold it. What came before a kill is not fetched again; what came wrong is dropped, and the next place
    /// asked.
    func bring(to path: String, _ report: inout PullReport) throws {
        let part = "\(path).part"
        var reasons: [String] = []
        for place in try places(blob) {
            do {
                let file = try Descriptor.open(part, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW)
                let came = try fetch(from: place, file)
                report.bytes += came
                report.requests += 1
                if try file.size() == blob.size, try BlobHash.digest(ofFile: part) == blob.digest {
                    try file.synchronise()
                    return try Files.rename(part, to: path)
                }
                try Files.remove(part)
                report.note("\(place) sent a wrong content for the blob \(blob.digest); it was not used")
                reasons.append("\(place): wrong content")
            } catch let error as SystemError { throw error } catch {
                reasons.append("\(place): \(error)")
            }
        }
        throw DistributionError(
            .unavailable,
            "the blob \(blob.digest) cannot be had\(reasons.isEmpty ? "" : ": ")\(reasons.joined(separator: "; "))")
    }

    /// Appends what is missing; bytes that came.
    private func fetch(from place: any RangeSource, _ file: Descriptor) throws -> Int64 {
        var size = try file.size()
        if size > blob.size {
            try retrying("begin the blob \(blob.digest) anew") { ftruncate(file.raw, 0) }
            size = 0
        }
        if size == blob.size { return 0 }
        var came: Int64 = 0
        try place.read(blob, size..<blob.size) { piece in
            try file.write(piece)
            came += Int64(piece.count)
        }
        return came
    }
}
