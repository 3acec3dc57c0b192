package import GridModel
import HTTPTransport
package import ImageFormat
import ImageStore
import StrictJSON

/// The documents of a registry's repository: manifests, indexes, and what is said about images (distribution-spec 1.1).
/// Large blobs are skopeo's to move. An index is written here, since skopeo writes it anew and drops what it does not know
/// (skopeo 1.9: the artifact types of a list of referrers; it then refuses to go on with `--preserve-digests`).
package final class RegistryDocuments {
    package struct Manifest: Sendable {
        package let bytes: [UInt8]
        package let digest: Digest
        package let mediaType: String
    }

    /// The repository; its version plays no part.
    private let reference: RegistryReference
    private let access: RegistryAccess
    /// `http` or `https`, once known.
    private var scheme: String?
    /// The header Authorization that the registry took last.
    private var authorization: String?

    static let manifestLimit = 4 << 20
    private static let types = [MediaType.imageManifest, MediaType.imageIndex].joined(separator: ", ")

    package init(_ reference: RegistryReference, _ access: RegistryAccess) {
        self.reference = reference
        self.access = access
    }

    // MARK: Reading

    /// What a tag or a digest names; nil where the registry has none.
    package func manifest(_ version: RegistryReference.Version) throws -> Manifest? {
        let named = reference.with(version)
        let reply = try ask(.get, "manifests/\(named.manifest)", limit: Self.manifestLimit, ["Accept": Self.types])
        if reply.status == 404 { return nil }
        guard reply.status == 200 else { throw refusal(reply, "give the manifest \(named)") }
        let digest = BlobHash.digest(of: reply.body)
        if case .digest(let wanted) = version, wanted != digest {
            throw RegistryError(
                .wrongContent,
                "\(named) is served with the content \(digest); do not use this registry before it is looked at")
        }
        let type = reply.header("Content-Type").map { String($0.prefix { $0 != ";" }) } ?? ""
        return Manifest(bytes: reply.body, digest: digest, mediaType: type)
    }

    /// A small blob, of the content that its descriptor says.
    package func blob(_ blob: OCIDescriptor, limit: Int64) throws -> [UInt8] {
        guard 0...limit ~= blob.size else {
            throw RegistryError(
                .wrongContent,
                "\(reference): the blob \(blob.digest) is said to have \(blob.size) bytes; at most \(limit) are taken")
        }
        var reply = try ask(.get, "blobs/\(blob.digest)", limit: Int(blob.size))
        if [301, 302, 303, 307, 308].contains(reply.status), let place = reply.header("Location") {
            // To a store of files, which is not to see our credentials.
            let url = place.hasPrefix("/") ? "\(try base())\(place)" : place
            reply = try access.transport.ask(HTTPQuestion(.get, url), limit: Int(blob.size))
        }
        guard reply.status == 200 else { throw refusal(reply, "give the blob \(blob.digest)") }
        guard BlobHash.digest(of: reply.body) == blob.digest else {
            throw RegistryError(.wrongContent, "\(reference) serves \(blob.digest) with another content")
        }
        return reply.body
    }

    private struct Tags: Decodable { var tags: [String]? }

    /// At most a thousand.
    func tags() throws -> [String] {
        let reply = try ask(.get, "tags/list?n=1000", limit: 1 << 20)
        guard reply.status == 200 else { throw refusal(reply, "list its tags") }
        return try StrictJSON.decode(Tags.self, from: reply.body, source: "the tags of \(reference)").tags ?? []
    }

    // MARK: Writing

    /// Puts an index under a tag, in place of what was there. The manifests that it names must be there.
    func put(index bytes: [UInt8], as tag: String) throws {
        let reply = try ask(
            .put, "manifests/\(tag)", limit: 1 << 20, ["Content-Type": MediaType.imageIndex], body: bytes)
        guard 200..<300 ~= reply.status else { throw refusal(reply, "take the list of what is said about an image") }
    }

    // MARK: Asking

    private func base() throws -> String {
        if let scheme { return "\(scheme)://\(reference.host)" }
        var found = "https"
        if access.isInsecure(reference) {
            do {
                // A server that speaks TLS answers a plain request with 400, or not at all.
                let url = "http://\(reference.host)/v2/"
                let reply = try access.transport.ask(HTTPQuestion(.get, url), limit: 1 << 20, within: .seconds(10))
                if [200, 401, 403, 404].contains(reply.status) { found = "http" }
            } catch is HTTPTransportError {}
        }
        scheme = found
        return "\(found)://\(reference.host)"
    }

    private func ask(
        _ method: HTTPQuestion.Method, _ path: String, limit: Int, _ headers: [String: String] = [:],
        body: [UInt8]? = nil
    ) throws -> HTTPReply {
        let url = "\(try base())/v2/\(reference.repository)/\(path)"
        var question = HTTPQuestion(method, url, headers: headers, body: body)
        // What a registry says against something is short.
        let limit = max(limit, 1 << 16)
        do {
            question.headers["Authorization"] = authorization
            let reply = try access.transport.ask(question, limit: limit)
            guard reply.status == 401, let answer = try answer(to: reply, writes: method == .put) else { return reply }
            authorization = answer
            question.headers["Authorization"] = answer
            return try access.transport.ask(question, limit: limit)
        } catch let error as HTTPTransportError {
            throw RegistryError(.unavailable, "the registry \(reference.host)", underlying: error)
        }
    }

    /// The header that answers a challenge; nil where we have nothing to answer with.
    private func answer(to reply: HTTPReply, writes: Bool) throws -> String? {
        let challenges = reply.headers("WWW-Authenticate").compactMap(Challenge.init(parsing:))
        let basic = try Credentials(environment: access.environment).basic(for: reference)
        if challenges.contains(where: { $0.scheme == "basic" }), let basic { return "Basic \(basic)" }
        guard let bearer = challenges.first(where: { $0.scheme == "bearer" }), let realm = bearer.parameters["realm"]
        else { return nil }
        guard realm.hasPrefix("https://") || access.isInsecure(reference) else {
            throw RegistryError(
                .refused,
                "the registry \(reference.host) sends us for a token to \(realm.prefix(100)), where anybody on the way "
                    + "could read our password; ask those who run it")
        }
        var parameters = ["scope=repository:\(reference.repository):\(writes ? "pull,push" : "pull")"]
        if let service = bearer.parameters["service"] { parameters.append("service=\(Self.encoded(service))") }
        let url = "\(realm)\(realm.contains("?") ? "&" : "?")\(parameters.joined(separator: "&"))"
        let headers = basic.map { ["Authorization": "Basic \($0)"] } ?? [:]
        let token = try access.transport.ask(HTTPQuestion(.get, url, headers: headers), limit: 1 << 18)
        guard token.status == 200 else { return nil }
        return try StrictJSON.decode(Token.self, from: token.body, source: "the token of \(reference.host)").header
    }

    private struct Token: Decodable {
        var token: String?
        /// As OAuth 2.0 calls it.
        var accessToken: String?

        private enum CodingKeys: String, CodingKey {
            case token
            case accessToken = "access_token"
        }

        var header: String? {
            guard let text = token ?? accessToken, text.utf8.allSatisfy({ (0x21..<0x7f).contains($0) }) else {
                return nil
            }
            return "Bearer \(text)"
        }
    }

    private static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain =
                Character(UnicodeScalar(byte)).isLetter || (48...57).contains(byte) || "-._~".utf8.contains(byte)
            return isPlain && byte < 128
                ? String(UnicodeScalar(byte)) : "%\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))"
        }.joined()
    }

    private func refusal(_ reply: HTTPReply, _ what: String) -> RegistryError {
        switch reply.status {
        case 401, 403:
            RegistryError(
                .refused,
                "\(reference) does not \(what) (\(reply.status)): it wants a name and a password, or other ones: skopeo login "
                    + reference.host)
        case 404: RegistryError(.notFound, "\(reference) does not \(what): there is none (404)")
        case let status:
            RegistryError(
                .unavailable,
                "\(reference) does not \(what): it answered with status \(status); try again, or ask those who run it")
        }
    }
}
