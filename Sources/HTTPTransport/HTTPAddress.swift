import FoundationEssentials

/// An address that is fetched from: http or https, a host, no user, nothing that another program would read otherwise.
struct HTTPAddress: Hashable, Sendable, CustomStringConvertible {
    enum Scheme: String, Sendable {
        case http, https

        var port: Int { self == .http ? 80 : 443 }
    }

    let scheme: Scheme
    /// As in the address: in brackets where it is an IPv6 address.
    let host: String
    let port: Int
    /// Path and query, percent-encoded; begins with a slash.
    let target: String
    private let url: URL

    init(_ text: String) throws {
        try self.init(text, relativeTo: nil)
    }

    /// The address that a redirect's Location names: absolute, or relative to this one (RFC 9110, section 10.2.2).
    func following(_ location: String) throws -> HTTPAddress { try HTTPAddress(location, relativeTo: url) }

    private init(_ text: String, relativeTo base: URL?) throws {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw Self.refusal(text, "it has blanks, control characters or others outside ASCII; percent-encode them")
        }
        guard let parsed = URL(string: text, encodingInvalidCharacters: false),
            let whole = base.map({ URL(string: parsed.relativeString, relativeTo: $0)?.absoluteURL }) ?? parsed,
            let parts = URLComponents(url: whole, resolvingAgainstBaseURL: true)
        else {
            throw Self.refusal(text, "it is no URL; write http://HOST/PATH or https://HOST/PATH")
        }
        guard let scheme = Scheme(rawValue: (parts.scheme ?? "").lowercased()) else {
            let found = parts.scheme.map { "its scheme is \($0)" } ?? "it has no scheme"
            throw Self.refusal(text, "\(found); only http and https are fetched")
        }
        guard parts.percentEncodedUser == nil, parts.percentEncodedPassword == nil else {
            throw Self.refusal("\(scheme)://...@\(parts.encodedHost ?? "")", "it holds a user's name; take that out")
        }
        guard let host = parts.encodedHost, !host.isEmpty, !host.contains("%") else {
            throw Self.refusal(text, "it has no host; write \(scheme)://HOST/PATH")
        }
        let port = parts.port ?? scheme.port
        // A number that no integer holds is nil too.
        guard (1...65535).contains(port), parts.port != nil || !Self.namesPort(whole) else {
            throw Self.refusal(text, "it has a port that is none; they go from 1 to 65535")
        }
        self.scheme = scheme
        self.host = host.lowercased()
        self.port = port
        let path = parts.percentEncodedPath
        target = (path.isEmpty ? "/" : path) + (parts.percentEncodedQuery.map { "?\($0)" } ?? "")
        url = whole
    }

    /// Host, and port where it is not the scheme's own: the Host header.
    var authority: String { port == scheme.port ? host : "\(host):\(port)" }

    /// The host as a resolver takes it.
    var bareHost: String { host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host }

    var description: String { "\(scheme)://\(authority)\(target)" }

    static func == (left: HTTPAddress, right: HTTPAddress) -> Bool { left.description == right.description }

    func hash(into hasher: inout Hasher) { hasher.combine(description) }

    private static func namesPort(_ url: URL) -> Bool {
        let authority = url.absoluteString.drop { $0 != "/" }.dropFirst(2).prefix { !"/?#".contains($0) }
        let port = authority.reversed().prefix { $0.isASCII && $0.isNumber }
        return !port.isEmpty && authority.dropLast(port.count).hasSuffix(":")
    }

    private static func refusal(_ text: String, _ reason: String) -> HTTPTransportError {
        // An address can be a server's word: nothing of it may reach a terminal as it is.
        let shown = text.unicodeScalars.prefix(200).map { $0.value > 0x20 && $0.value < 0x7f ? String($0) : "?" }
        return HTTPTransportError(.wrongAddress, "cannot fetch '\(shown.joined())': \(reason)")
    }
}
