/// What a client of the features' server wants: the head of an HTTP request, as far as it needs to be understood.
package struct FeatureRequest: Equatable, Sendable {
    package enum Target: Equatable, Sendable {
        /// One of `GuestLink.featureDirectories`; nil for the list of these.
        case directory(String?)
        case key(String, in: String)
    }

    package enum Reading: Equatable, Sendable {
        case incomplete
        case request(FeatureRequest)
        case refused(Status)
    }

    package enum Status: Int, Sendable {
        case ok = 200
        case badRequest = 400
        case notFound = 404
        case methodNotAllowed = 405
        case tooLarge = 431

        var reason: String {
            switch self {
            case .ok: "OK"
            case .badRequest: "Bad Request"
            case .notFound: "Not Found"
            case .methodNotAllowed: "Method Not Allowed"
            case .tooLarge: "Request Header Fields Too Large"
            }
        }
    }

    /// Of a request's head.
    package static let mostBytes = 8192

    package let target: Target
    /// HEAD: the answer has no body.
    package let isHead: Bool

    package init(target: Target, isHead: Bool) {
        self.target = target
        self.isHead = isHead
    }

    /// Reads what has come so far.
    package static func read(_ bytes: [UInt8]) -> Reading {
        guard let end = endOfHead(bytes) else { return bytes.count < mostBytes ? .incomplete : .refused(.tooLarge) }
        guard end <= mostBytes else { return .refused(.tooLarge) }
        let line = bytes.prefix { $0 != 10 && $0 != 13 }
        let words = line.split(separator: 32, omittingEmptySubsequences: false)
        guard words.count == 3, words[2].starts(with: "HTTP/1.".utf8) else { return .refused(.badRequest) }
        let isHead = words[0].elementsEqual("HEAD".utf8)
        guard isHead || words[0].elementsEqual("GET".utf8) else { return .refused(.methodNotAllowed) }
        guard let target = target(String(decoding: words[1], as: UTF8.self)) else { return .refused(.notFound) }
        return .request(FeatureRequest(target: target, isHead: isHead))
    }

    /// After the empty line.
    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        bytes.indices.first { index in
            bytes[index] == 10 && index > 0
                && (bytes[index - 1] == 10 || index > 2 && bytes[(index - 3)..<index].elementsEqual([13, 10, 13]))
        }.map { $0 + 1 }
    }

    /// Nothing is decoded: no key needs it.
    private static func target(_ path: String) -> Target? {
        guard path.hasPrefix("/") else { return nil }
        var parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if parts.last == "" { parts.removeLast() }
        guard let directory = parts.first else { return .directory(nil) }
        guard GuestLink.featureDirectories.contains(directory), parts.count <= 2 else { return nil }
        guard parts.count == 2 else { return .directory(directory) }
        return isKey(parts[1]) ? .key(parts[1], in: directory) : nil
    }

    /// HSF-TN-2016-02: lower-case letters, digits and underscores.
    package static func isKey(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 100
            && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
    }

    /// A whole answer; the connection is closed after it.
    package static func answer(_ status: Status, _ body: [UInt8], isHead: Bool = false) -> [UInt8] {
        let head =
            "HTTP/1.1 \(status.rawValue) \(status.reason)\r\nContent-Type: text/plain\r\n"
            + "Content-Length: \(body.count)\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        return Array(head.utf8) + (isHead ? [] : body)
    }
}
