import GridModel

/// Where a server of ours listens: `ADDRESS:PORT`, an IPv6 address in brackets.
package struct ListeningAddress: TextualValue {
    package let host: String
    /// 0: a free one.
    package let port: Int

    package init(parsing text: String) throws {
        func refuse(_ what: String) -> ConfigurationError {
            ConfigurationError(
                .invalid, "'\(text.prefix(100))' is no address to listen at: \(what); write for example 0.0.0.0:8470")
        }
        guard let colon = text.lastIndex(of: ":"), text.utf8.count <= 300 else { throw refuse("it has no ':PORT'") }
        let digits = text[text.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
            let port = Int(digits), port < 65536
        else { throw refuse("its port is none") }
        let host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.utf8.count > 2
        let bare = isBracketed ? host.dropFirst().dropLast() : host
        guard !bare.isEmpty, bare.utf8.allSatisfy({ Self.isPart($0, isBracketed) }) else {
            throw refuse("it names no address before the port")
        }
        self.host = String(bare)
        self.port = port
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    private static func isPart(_ byte: UInt8, _ isBracketed: Bool) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "."), UInt8(ascii: "-"): true
        case UInt8(ascii: ":"), UInt8(ascii: "%"): isBracketed
        default: false
        }
    }
}
