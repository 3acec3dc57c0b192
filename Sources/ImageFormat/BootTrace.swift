package import GridModel
import StrictJSON

/// Which blocks of its filesystems an image's check machine read, in their order: what a start fetches first. A hint: nobody
/// signs it, and a wrong one costs time only.
package struct BootTrace: Codable, Equatable, Sendable {
    package static let version = 1

    package struct Layer: Codable, Equatable, Sendable {
        /// The filesystem's.
        package var digest: Digest
        /// First block and number of blocks of each run.
        package var blocks: [[Int]]
    }

    package var version = BootTrace.version
    package var layers: [Layer]

    /// Of one filesystem: more than any boot reads.
    package static let mostRuns = 1 << 16

    package init(_ layers: [(digest: Digest, blocks: [Range<Int>])]) {
        self.layers = layers.map { layer in
            Layer(digest: layer.digest, blocks: layer.blocks.prefix(Self.mostRuns).map { [$0.lowerBound, $0.count] })
        }
    }

    /// Refuses what is no trace. `source` says in messages where the bytes came from.
    package init(decoding bytes: [UInt8], source: String) throws {
        self = try StrictJSON.decode(BootTrace.self, from: bytes, source: source)
        guard version <= Self.version else {
            throw ImageFormatError(.newerFormat, "\(source): its version \(version) is not known here; upgrade sojourn")
        }
        for layer in layers {
            guard layer.blocks.count <= Self.mostRuns, layer.blocks.allSatisfy(Self.isRun) else {
                throw ImageFormatError(.invalidManifest, "\(source): it has runs of blocks that are none, or too many")
            }
        }
    }

    private static func isRun(_ pair: [Int]) -> Bool {
        pair.count == 2 && (0...1 << 40).contains(pair[0]) && (1...1 << 40).contains(pair[1])
    }

    package func encoded() throws -> [UInt8] { try StrictJSON.encode(self, pretty: false) }

    /// Of a filesystem, in the order in which they were read.
    package func blocks(of digest: Digest) -> [Range<Int>] {
        layers.filter { $0.digest == digest }.flatMap(\.blocks).map { $0[0]..<$0[0] + $0[1] }
    }
}
