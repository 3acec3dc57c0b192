package import GridModel

/// What `oci://HOST[:PORT]/NAME[:TAG|@sha256:HEX]` names: a repository of a registry, and perhaps a manifest in it.
package struct RegistryReference: Hashable, Sendable, CustomStringConvertible {
    package enum Version: Hashable, Sendable {
        case tag(String)
        case digest(Digest)
    }

    package static let scheme = "oci://"

    /// With the port, where it is given.
    package let host: String
    /// `experiment/images`.
    package let repository: String
    /// Nil where only the repository is named.
    package let version: Version?

    /// Whether a person means a registry.
    package static func isMeant(by text: String) -> Bool { text.hasPrefix(scheme) }

    package init(parsing text: String) throws {
        func refuse(_ why: String) -> RegistryError {
            let shown = text.unicodeScalars.prefix(200).map { $0.escaped(asASCII: true) }.joined()
            return RegistryError(
                .wrongReference,
                "'\(shown)': \(why); write oci://HOST/NAME, with :TAG or @sha256:HEX at the end")
        }
        guard Self.isMeant(by: text), text.utf8.count <= 512 else { throw refuse("no address of a registry") }
        var rest = text.dropFirst(Self.scheme.count)
        guard let slash = rest.firstIndex(of: "/") else { throw refuse("it names no repository") }
        host = String(rest[..<slash])
        guard Self.isHost(host) else { throw refuse("'\(host.prefix(80))' is no host with or without a port") }
        rest = rest[rest.index(after: slash)...]
        if let at = rest.firstIndex(of: "@") {
            do { version = .digest(try Digest(parsing: String(rest[rest.index(after: at)...]))) } catch {
                throw refuse("what follows @ is no digest")
            }
            rest = rest[..<at]
        } else if let colon = rest.lastIndex(of: ":") {
            let tag = String(rest[rest.index(after: colon)...])
            guard Self.isTag(tag) else { throw refuse("what follows the last colon is no tag") }
            version = .tag(tag)
            rest = rest[..<colon]
        } else {
            version = nil
        }
        repository = String(rest)
        guard Self.isRepository(repository) else {
            throw refuse(
                "'\(repository.prefix(80))' is no name of a repository: lower-case letters, digits, and single "
                    + "'.', '_', '-' and '/' between them")
        }
    }

    private init(host: String, repository: String, version: Version?) {
        self.host = host
        self.repository = repository
        self.version = version
    }

    package func with(_ version: Version?) -> RegistryReference {
        RegistryReference(host: host, repository: repository, version: version)
    }

    package var description: String { Self.scheme + name }

    /// As skopeo takes it after `docker://`.
    var name: String {
        switch version {
        case .tag(let tag): "\(host)/\(repository):\(tag)"
        case .digest(let digest): "\(host)/\(repository)@\(digest)"
        case nil: "\(host)/\(repository)"
        }
    }

    /// Tag or digest, as the paths of the registry's API have it.
    var manifest: String {
        switch version {
        case .tag(let tag): tag
        case .digest(let digest): digest.description
        case nil: "latest"
        }
    }

    /// True for this host itself: nobody listens between.
    package var isLoopback: Bool {
        let name = host.hasPrefix("[") ? host.prefix { $0 != "]" } + "]" : host.prefix { $0 != ":" }
        return name == "localhost" || name == "[::1]" || name.hasPrefix("127.")
    }
}

// MARK: - Grammar

extension RegistryReference {
    private static func isHost(_ text: String) -> Bool {
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]") else { return false }
            let address = text[text.index(after: text.startIndex)..<close]
            let isAddress = !address.isEmpty && address.allSatisfy { $0 == ":" || $0 == "." || $0.isHexDigit }
            return isAddress && isPort(text[text.index(after: close)...])
        }
        let name = text.prefix { $0 != ":" }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        return labels.allSatisfy { isMade($0, of: "-") } && isPort(text.dropFirst(name.count))
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.isEmpty || (text.first == ":" && text.count > 1 && Int(text.dropFirst()).map { 1...65535 ~= $0 } ?? false)
    }

    /// distribution-spec 1.1, "Pulling manifests".
    private static func isTag(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text.first != "." && text.first != "-"
            && text.utf8.allSatisfy { isAlphanumeric($0) || [0x2e, 0x5f, 0x2d].contains($0) }
    }

    /// As there, but for double underscores.
    private static func isRepository(_ text: String) -> Bool {
        text.utf8.count <= 255
            && text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
                part == part.lowercased() && isMade(part, of: "._-")
            }
    }

    /// Letters and digits at both ends, others between.
    private static func isMade(_ text: Substring, of others: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last, isAlphanumeric(first), isAlphanumeric(last) else {
            return false
        }
        return text.utf8.allSatisfy { isAlphanumeric($0) || others.utf8.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
}
