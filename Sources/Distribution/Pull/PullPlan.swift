package import GridModel
import ImageStore

/// What bringing an image here takes, to the byte: said before it begins.
package struct PullPlan: Sendable, Encodable, Equatable {
    /// One filesystem.
    package struct Layer: Sendable, Encodable, Equatable {
        package let name: String
        package let digest: Digest
        package let size: Int64
        /// How its missing blocks come.
        package let way: PullWay
        package let blocks: Int
        /// Of which so many are in their place already, or are zeros.
        package let blocksInPlace: Int
        /// So many more are copied from other filesystems of the home.
        package let blocksCopied: Int
        /// What is fetched, in bytes: what of its blocks, and what lies between them.
        package let bytes: Int64
        package let requests: Int
        /// What the missing blocks would cost as ranges, whatever is chosen.
        package let rangeBytes: Int64
        package let rangeRequests: Int
        /// The cheapest delta that can be used here, whatever is chosen.
        package let delta: DeltaHints.Delta?
    }

    /// One image or kernel.
    package struct Artifact: Sendable, Encodable, Equatable {
        package let name: String
        package let digest: Digest
        package let layers: [Layer]
        /// All blobs but filesystems that are not here, verity trees among them.
        package let documents: Int
        package let documentBytes: Int64
    }

    /// A kernel first, where one is needed.
    package let artifacts: [Artifact]

    package var bytes: Int64 {
        artifacts.reduce(0) { $0 + $1.documentBytes + $1.layers.reduce(0) { $0 + $1.bytes } }
    }
}

/// What brought an image here, and what was not as it should be.
package struct PullReport: Sendable, Encodable, Equatable {
    /// Bytes of blobs that were fetched, wrong ones included.
    package internal(set) var bytes: Int64 = 0
    package internal(set) var requests = 0
    /// Each once.
    package internal(set) var faults: [String] = []

    mutating func add(_ arrival: WholeBlob.Arrival) {
        bytes += arrival.bytes
        requests += arrival.requests
        for fault in arrival.faults { note(fault) }
    }

    mutating func note(_ fault: String) {
        if faults.count < 50, !faults.contains(fault) { faults.append(fault) }
    }
}
