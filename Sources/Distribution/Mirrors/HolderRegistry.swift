package import GridModel
import StrictJSON

/// Which hosts of a site say that they hold which blobs. Nobody is believed: whoever fetches verifies each block.
///
/// All of it is bounded, whatever hosts say, and forgotten soon. Times are those of the monotonic clock, from any beginning.
package struct HolderRegistry: Sendable {
    /// What a host says of itself: `POST holders`.
    package struct Announcement: Codable, Sendable {
        package let port: Int
        package let blobs: [Digest]

        package init(port: Int, blobs: [Digest]) {
            self.port = port
            self.blobs = blobs
        }

        /// Refuses what is none. A port below 1024 would let a host send others to services that are not Sojourn's.
        package init(decoding bytes: [UInt8]) throws {
            self = try StrictJSON.decode(Announcement.self, from: bytes, source: "the announcement")
            guard (1024...65535).contains(port), blobs.count <= HolderRegistry.mostBlobs else {
                throw DistributionError(
                    .refused,
                    "an announcement has a port from 1024 to 65535 and at most \(HolderRegistry.mostBlobs) blobs")
            }
        }
    }

    /// Of one host.
    package static let mostBlobs = 4096
    /// How long an announcement counts.
    package static let lifetime = Duration.seconds(120)
    /// How many holders are told at once.
    static let mostTold = 16

    private struct Entry {
        var until: Duration
        var blobs: Set<Digest>
    }

    private let mostHosts: Int
    private let mostHostsPerAddress: Int
    private let mostPairs: Int
    /// By address and port, as a URL has them.
    private var hosts: [String: Entry] = [:]
    private var addresses: [String: Set<String>] = [:]
    private var holders: [Digest: Set<String>] = [:]
    private var pairs = 0

    package init(mostHosts: Int = 4096, mostHostsPerAddress: Int = 8, mostPairs: Int = 1_000_000) {
        self.mostHosts = mostHosts
        self.mostHostsPerAddress = mostHostsPerAddress
        self.mostPairs = mostPairs
    }

    /// Takes the place of what this host said before; false, and nothing is kept of it, where there are too many.
    /// - Parameter address: that the announcement came from.
    package mutating func announce(_ blobs: Set<Digest>, at address: String, port: Int, now: Duration) -> Bool {
        let host = address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
        forget(host, address)
        if !hasRoom(for: blobs, address) { forgetExpired(now) }
        guard !blobs.isEmpty else { return true }
        guard hasRoom(for: blobs, address) else { return false }
        hosts[host] = Entry(until: now + Self.lifetime, blobs: blobs)
        addresses[address, default: []].insert(host)
        for blob in blobs { holders[blob, default: []].insert(host) }
        pairs += blobs.count
        return true
    }

    private func hasRoom(for blobs: Set<Digest>, _ address: String) -> Bool {
        hosts.count < mostHosts && pairs + blobs.count <= mostPairs
            && addresses[address, default: []].count < mostHostsPerAddress
    }

    /// Some of those who hold a blob, in no order: `http://10.0.0.3:8471`.
    package func holders(of blob: Digest, now: Duration, using random: inout some RandomNumberGenerator) -> [String] {
        let able = (holders[blob] ?? []).filter { host in hosts[host].map { $0.until > now } ?? false }
        return able.shuffled(using: &random).prefix(Self.mostTold).map { "http://\($0)" }
    }

    /// How many hosts are known, those that were not heard of for long included.
    var count: Int { hosts.count }

    private mutating func forgetExpired(_ now: Duration) {
        for (host, entry) in hosts where entry.until <= now {
            let colon = host.lastIndex(of: ":") ?? host.endIndex
            let address = host[..<colon]
            forget(host, address.hasPrefix("[") ? String(address.dropFirst().dropLast()) : String(address))
        }
    }

    private mutating func forget(_ host: String, _ address: String) {
        guard let entry = hosts.removeValue(forKey: host) else { return }
        addresses[address]?.remove(host)
        if addresses[address]?.isEmpty == true { addresses[address] = nil }
        for blob in entry.blobs {
            holders[blob]?.remove(host)
            if holders[blob]?.isEmpty == true { holders[blob] = nil }
        }
        pairs -= entry.blobs.count
    }
}

/// What a mirror tells of a blob: `holders/sha256/HEX`.
struct HolderList: Codable, Sendable {
    var version = 1
    let holders: [String]

    static let limit = 1 << 16

    init(holders: [String]) { self.holders = holders }

    init(decoding bytes: [UInt8], source: String) throws {
        self = try StrictJSON.decode(HolderList.self, from: bytes, source: source)
        guard version == 1 else {
            throw DistributionError(.refused, "\(source): its version \(version) is not known here; upgrade sojourn")
        }
    }

    /// Those that can be hosts of ours: `http://ADDRESS:PORT`, a literal address and a port from 1024 on, and nothing else. A
    /// mirror that lies leads to such places only, and to few.
    var plausible: [String] { holders.prefix(64).filter(Self.isPlausible) }

    private static func isPlausible(_ text: String) -> Bool {
        guard text.utf8.count <= 80, text.hasPrefix("http://") else { return false }
        let rest = text.dropFirst(7)
        guard let colon = rest.lastIndex(of: ":"), let port = Int(rest[rest.index(after: colon)...]),
            (1024...65535).contains(port), rest.hasSuffix(":\(port)")
        else { return false }
        let host = rest[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            let digits = host.dropFirst().dropLast()
            return digits.contains(":")
                && digits.utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit || ":.".utf8.contains($0) }
        }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { part in UInt8(part).map { "\($0)" == part } ?? false }
    }
}
