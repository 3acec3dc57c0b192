package import GridModel
import StrictJSON

/// The file `deltas/sha256/HEX.json` of a catalogue: which delta blobs lead to a filesystem. It is not signed: what a delta
/// gives is verified block by block.
package struct DeltaHints: Codable, Equatable, Sendable {
    /// One delta blob.
    package struct Delta: Codable, Equatable, Sendable {
        /// The filesystem that must be here.
        package var from: Digest
        package var digest: Digest
        package var size: Int64
    }

    package var version = 1
    package var deltas: [Delta]

    static let most = 64
    static let limit = 1 << 16

    /// Below a catalogue's address.
    package static func name(of filesystem: Digest) -> String { "deltas/sha256/\(filesystem.hex).json" }

    package init(deltas: [Delta] = []) { self.deltas = deltas }

    func encoded() throws -> [UInt8] { try StrictJSON.encode(self, pretty: false) }

    /// `source` names the bytes in messages.
    package init(decoding bytes: [UInt8], source: String) throws {
        self = try StrictJSON.decode(DeltaHints.self, from: bytes, source: source)
        guard version == 1, deltas.count <= Self.most, deltas.allSatisfy({ (1...(1 << 40)).contains($0.size) }) else {
            throw DistributionError(.refused, "\(source) is no list of deltas that this program knows")
        }
    }
}
