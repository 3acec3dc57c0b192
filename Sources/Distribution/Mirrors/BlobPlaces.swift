import GridModel
package import HTTPTransport
package import ImageFormat
package import ImageStore
package import Settings
import Synchronization

/// Where a blob may be had: hosts that a mirror knows to hold it, then mirrors, then catalogues. All may lie: what they
/// send is verified.
package final class BlobPlaces: Sendable {
    private let mirrors: [String]
    private let catalogues: [TrustedCatalogue]
    private let transport: HTTPTransport
    private let known = Mutex<[Digest: Holders]>([:])
    /// Mirrors that did not answer, and until when they are not asked for holders.
    private let silent = Mutex<[String: ContinuousClock.Instant]>([:])

    private struct Holders {
        let addresses: [String]
        let until: ContinuousClock.Instant
    }

    /// How many hosts are tried before the mirrors.
    private static let mostHosts = 4
    private static let freshness = Duration.seconds(10)

    package init(_ settings: SiteSettings, transport: HTTPTransport) {
        mirrors = settings.mirrors.map(\.trimmed)
        catalogues = settings.catalogues
        self.transport = transport
    }

    /// The best first. Asks mirrors who holds it, now and then.
    package func all(_ blob: OCIDescriptor) -> [any RangeSource] {
        let hosts = holders(of: blob.digest).map { ServedRanges(address: $0, transport: transport, isNear: true) }
        let mirrors = mirrors.flatMap { mirror in
            catalogues.map { ServedRanges(address: "\(mirror)/\($0.name)", transport: transport) }
        }
        return hosts + mirrors + catalogues.map { ServedRanges(address: $0.url.trimmed, transport: transport) }
    }

    private func holders(of digest: Digest) -> [String] {
        let now = ContinuousClock.now
        if let known = known.withLock({ $0[digest] }), known.until > now { return known.addresses }
        // Whoever asks at the same time takes what was known, rather than asking too.
        known.withLock { $0[digest] = Holders(addresses: $0[digest]?.addresses ?? [], until: now + Self.freshness) }
        var found: [String] = []
        for mirror in mirrors where silent.withLock({ $0[mirror].map { $0 < now } ?? true }) {
            do {
                let source = "\(mirror)/holders/sha256/\(digest.hex)"
                let bytes = try transport.read(source, limit: HolderList.limit, within: .seconds(3))
                found += try HolderList(decoding: bytes, source: source).plausible.filter { !found.contains($0) }
            } catch let error as HTTPTransportError where error.code == .notFound {
                // A mirror of plain files.
                silent.withLock { $0[mirror] = now + .seconds(300) }
            } catch {
                silent.withLock { $0[mirror] = now + .seconds(30) }
            }
        }
        let addresses = Array(found.shuffled().prefix(Self.mostHosts))
        known.withLock { $0[digest] = Holders(addresses: addresses, until: .now + Self.freshness) }
        return addresses
    }
}

/// A server of blobs under one address.
struct ServedRanges: RangeSource {
    let address: String
    let transport: HTTPTransport
    /// A host of this site: no proxy is asked.
    var isNear = false

    var description: String { address }

    func read(_ blob: OCIDescriptor, _ range: Range<Int64>, sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        let url = "\(address)/blobs/sha256/\(blob.digest.hex)"
        if range == 0..<blob.size {
            // Of any server, also of one that serves no ranges.
            try transport.download(url, limit: blob.size, isNear: isNear) { try $0.withUnsafeBytes(sink) }
            return
        }
        do { try transport.read(url, range: range, isNear: isNear, sink: sink) } catch let error as HTTPTransportError
            where error.code == .noRanges
        {
            throw ImageStoreError(
                .noRanges,
                "it serves whole files only, and images come in parts; serve them with nginx or `sojourn catalogue serve`, "
                    + "or with `sojourn site mirror`, which can copy them from there", underlying: error)
        }
    }
}

/// The files of a catalogue at the mirrors of a site, and at the catalogue itself.
package struct MirroredFiles: MetadataSource {
    /// The best first.
    var places: [ServedFiles]

    package init(_ catalogue: TrustedCatalogue, mirrors: [HTTPAddress], transport: HTTPTransport) {
        places = (mirrors.map { "\($0.trimmed)/\(catalogue.name)" } + [catalogue.url.trimmed])
            .map { ServedFiles(address: $0, transport: transport) }
    }

    package var description: String { places.last?.description ?? "no place" }

    /// Of the first that has it; what mirrors do wrong is no fault where another has it.
    package func read(_ name: String, limit: Int) throws -> [UInt8]? {
        try read(name, limit: limit, where: { _ in true })
    }

    /// As `read`, of the first mirror that has what `isRight` takes, or of the catalogue, whatever it has.
    func read(_ name: String, limit: Int, where isRight: ([UInt8]) -> Bool) throws -> [UInt8]? {
        for place in places.dropLast() {
            do {
                if let bytes = try place.read(name, limit: limit), isRight(bytes) { return bytes }
            } catch is HTTPTransportError {}
        }
        return try places.last?.read(name, limit: limit)
    }
}

extension HTTPAddress {
    /// Without slashes at its end.
    var trimmed: String {
        var text = description[...]
        while text.hasSuffix("/") { text.removeLast() }
        return String(text)
    }
}
