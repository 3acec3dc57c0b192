/// The way to a server.
enum Route: Hashable, Sendable {
    case direct
    /// Through a proxy that is asked for the whole address, and may answer from its cache: http.
    case forwarded(HTTPAddress)
    /// Through a tunnel that a proxy opens (CONNECT), with TLS from end to end: https.
    case tunnelled(HTTPAddress)
}

/// The proxies that the environment names, as curl and wget read it: `http_proxy`, `https_proxy`, `no_proxy`.
struct Proxies: Sendable {
    private let http: String?
    private let https: String?
    private let exceptions: [String]

    init(environment: [String: String]) {
        // HTTP_PROXY in capitals is not read: to a CGI program that is a header of its client (CVE-2016-5385).
        func value(_ names: String...) -> String? {
            names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        }
        http = value("http_proxy")
        https = value("https_proxy", "HTTPS_PROXY")
        exceptions = (value("no_proxy", "NO_PROXY") ?? "").split { $0 == "," || $0 == " " }.map { $0.lowercased() }
    }

    func route(to address: HTTPAddress) throws -> Route {
        guard !exceptions.contains(where: { Self.exempts($0, address) }) else { return .direct }
        switch address.scheme {
        case .http: return try http.map { .forwarded(try Self.proxy($0, "http_proxy")) } ?? .direct
        case .https: return try https.map { .tunnelled(try Self.proxy($0, "https_proxy")) } ?? .direct
        }
    }

    /// `*`, a host, a domain with what is below it (with or without a dot before it), each with or without a port.
    private static func exempts(_ exception: String, _ address: HTTPAddress) -> Bool {
        if exception == "*" { return true }
        let named = exception.hasPrefix(".") ? String(exception.dropFirst()) : exception
        guard !named.isEmpty else { return false }
        return [address.host, "\(address.host):\(address.port)"].contains { $0 == named || $0.hasSuffix(".\(named)") }
    }

    private static func proxy(_ text: String, _ variable: String) throws -> HTTPAddress {
        do {
            let proxy = try HTTPAddress(text.contains("://") ? text : "http://\(text)")
            if proxy.scheme == .http { return proxy }
        } catch let error as HTTPTransportError {
            throw HTTPTransportError(
                .wrongAddress, "the proxy in \(variable) is not used; set it to http://HOST:PORT", underlying: error)
        }
        throw HTTPTransportError(
            .wrongAddress,
            "the proxy in \(variable) is reached over https, which is not supported; set it to "
                + "http://HOST:PORT, or take it out")
    }
}
