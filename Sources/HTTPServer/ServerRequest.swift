/// A request, checked.
package struct ServerRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
    }

    package let method: Method
    /// The components of the path, decoded: none is empty, begins with a dot, or has a slash or a control character.
    package let path: [String]
    package let range: AskedRange?
    /// Of a POST.
    package let body: [UInt8]
    /// The address that the connection comes from, without its port.
    package let client: String
}

/// A path of a request as components that are names of files and lead nowhere else.
enum RequestPath {
    private static let longest = 4096

    /// Nil for what is no such path. A query is left out of account.
    static func components(of target: String) -> [String]? {
        guard target.utf8.count <= longest, target.hasPrefix("/") else { return nil }
        let path = target.dropFirst().prefix { $0 != "?" }
        if path.isEmpty { return [] }
        var components: [String] = []
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            guard let component = decoded(part), !component.isEmpty, !component.hasPrefix("."),
                component.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "/") })
            else { return nil }
            components.append(component)
        }
        return components
    }

    /// Percent-decoded (RFC 3986, section 2.1); nil where that gives no UTF-8.
    private static func decoded(_ part: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(part.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let high = digit(rest.removeFirst()), let low = digit(rest.removeFirst()) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
