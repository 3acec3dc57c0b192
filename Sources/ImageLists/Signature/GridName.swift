import GridModel

/// A certificate's subject or issuer in the grid's form: `/DC=ch/DC=cern/OU=Users/CN=somebody`.
///
/// Spellings that mean the same are equal: `\xC3\xBC` for a byte and `\/` for a slash (openssl's one-line form),
/// `/E=` and `/Email=` for `/emailAddress=`, `/USERID=` for `/UID=`.
package struct GridName: TextualValue {
    package let description: String

    package init(parsing text: String) throws {
        let parts = Self.unescaped(text).split(separator: "/", omittingEmptySubsequences: false)
        guard text.utf8.count <= 4096, parts.count > 1, parts[0].isEmpty, parts[1].contains("=") else {
            throw ImageListError(
                .malformedList,
                "'\(text.prefix(100))' is no name of a certificate: expected the form /DC=org/DC=example/CN=somebody")
        }
        description = parts.map(Self.spelled).joined(separator: "/")
        guard description.unicodeScalars.allSatisfy(\.isText) else {
            throw ImageListError(.malformedList, "a certificate's name holds control characters")
        }
    }

    /// From a certificate's attributes: `DC=ch`, ... A name that could be read as another one is refused.
    init(attributes: [String]) throws {
        for attribute in attributes {
            let inner = attribute.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
            // A backslash is openssl's escape of a control character, or a lure for those who unescape.
            guard !attribute.contains("\\"), !inner.contains(where: { $0.contains("=") }) else {
                throw ImageListError(
                    .unsuitableSigner,
                    "the certificate's name has the part '\(attribute)', which reads like several; use another one")
            }
        }
        try self.init(parsing: attributes.map { "/\($0)" }.joined())
    }

    private static func spelled(_ part: Substring) -> String {
        for (old, new) in [("E=", "emailAddress="), ("Email=", "emailAddress="), ("USERID=", "UID=")]
        where part.hasPrefix(old) {
            return new + part.dropFirst(old.count)
        }
        return String(part)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
    }

    private static func unescaped(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.first == UInt8(ascii: "x"), rest.count > 2,
                rest.dropFirst().prefix(2).allSatisfy(Self.isHexadecimal),
                let value = UInt8(String(decoding: rest.dropFirst().prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else if byte != UInt8(ascii: "\\") || rest.first != UInt8(ascii: "/") {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Who signed a list.
package struct Signer: Equatable, Sendable, CustomStringConvertible {
    package let subject: GridName
    package let issuer: GridName

    package init(subject: GridName, issuer: GridName) {
        self.subject = subject
        self.issuer = issuer
    }

    package var description: String { "\(subject) (certified by \(issuer))" }
}
