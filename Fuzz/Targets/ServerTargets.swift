import Glibc
import Linux
import StrictJSON

@testable import BlockServer
@testable import Distribution
@testable import HTTPServer

/// What strangers send to the servers of this program.
extension FuzzTarget {
    static let servers = [
        FuzzTarget("asked-range", refusals: HTTPServerError.self) { bytes in
            guard let asked = AskedRange(parsing: String(decoding: bytes, as: UTF8.self)) else {
                throw HTTPServerError(.request, "no range")
            }
            for size: Int64 in [0, 1, 1000, .max] {
                guard let range = asked.resolved(in: size) else { continue }
                try BrokenPromise.unless(
                    range.lowerBound >= 0 && range.upperBound <= size && !range.isEmpty, "\(range) of \(size)")
            }
        },
        FuzzTarget("announcement", refusals: DistributionError.self, StrictJSONError.self) { bytes in
            let announcement = try HolderRegistry.Announcement(decoding: bytes)
            try BrokenPromise.unless(
                (1024...65535).contains(announcement.port) && announcement.blobs.count <= HolderRegistry.mostBlobs,
                "port \(announcement.port), \(announcement.blobs.count) blobs")
        },
        FuzzTarget("nbd-handshake", refusals: BlockServerError.self, SystemError.self) { bytes in
            let (server, client) = try Socket.pair()
            // No more than the socket takes while nobody reads.
            try client.write(Array(bytes.prefix(1 << 15)))
            try retrying("end what the client says") { shutdown(client.raw, Int32(SHUT_WR)) }
            var handshake = NBDHandshake(server, size: 1 << 20)
            guard try handshake.run() else { throw BlockServerError(.badClient, "it took its leave") }
        },
    ]
}
