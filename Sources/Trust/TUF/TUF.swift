package import GridModel
package import StrictJSON

/// The Update Framework 1.0: its metadata as values, and its rules (specification, "Detailed client workflow").
package enum TUF {
    /// What metadata of any role says of itself.
    package protocol Content: Sendable {
        /// `_type` in the file.
        static var type: String { get }
        var header: Header { get }
        init(_ signed: JSONElement) throws
    }

    /// The parts that every role's metadata has.
    package struct Header: Sendable {
        package let version: Int64
        /// From then on it counts no more.
        package let expires: Timestamp
    }

    /// More than any honest metadata file has (specification: "the maximum … is set by the application").
    package enum Limit {
        package static let root = 512 << 10
        package static let timestamp = 64 << 10
        package static let snapshot = 4 << 20
        package static let targets = 64 << 20
        /// Root versions in one update.
        package static let rootRotations = 256
        /// Delegated roles visited in search of one target.
        package static let delegations = 256
        package static let depth = 32
        /// What every JSON reader holds exactly.
        package static let version: Int64 = 1 << 53
    }

    /// One metadata file as it was served: its content, and who signed which bytes.
    package struct Signed<Role: Content>: Sendable {
        package let content: Role
        package let signatures: [Signature]
        /// As served, to be stored verbatim.
        package let bytes: [UInt8]
        /// What the signatures are of.
        let canonical: [UInt8]

        /// Reads a file; nobody has verified it yet. `source` names it in messages.
        package init(_ bytes: [UInt8], limit: Int, source: String) throws {
            do {
                let document = try JSONDocument(
                    bytes, limits: .init(bytes: limit, depth: Limit.depth), source: source)
                let signed = try document.root.required("signed")
                let type = try signed.required("_type")
                guard try type.text() == Role.type else {
                    throw type.refusal("expected the metadata of \(Role.type), found another role's")
                }
                content = try Role(signed)
                signatures = try Signature.list(try document.root.required("signatures"))
                canonical = try signed.canonical()
            } catch let fault as StrictJSONError {
                throw TrustError(.malformedMetadata, fault.message)
            } catch let fault as GridModelError {
                throw TrustError(.malformedMetadata, "\(source): \(fault.message)")
            }
            self.bytes = bytes
        }
    }

    /// A signature of a metadata file.
    package struct Signature: Sendable {
        package let keyID: String
        let bytes: [UInt8]

        /// Each key once.
        static func list(_ element: JSONElement) throws -> [Signature] {
            let elements = try element.elements()
            // More than any role has keys; each may cost a verification.
            guard elements.count <= 256 else { throw element.refusal("more than 256 signatures") }
            var seen: Set<String> = []
            return try elements.map { item in
                let keyID = try item.required("keyid").text()
                guard seen.insert(keyID).inserted else {
                    throw item.refusal("the key \(keyID.prefix(64)) has signed twice")
                }
                let text = try item.required("sig")
                // An empty one is no signature, and stands where a key has not signed yet.
                guard let bytes = Hexadecimal.bytes(try text.text()) else {
                    throw text.refusal("expected hexadecimal digits")
                }
                return Signature(keyID: keyID, bytes: bytes)
            }
        }
    }
}

extension TUF.Header {
    init(_ signed: JSONElement) throws {
        let specification = try signed.required("spec_version")
        guard try specification.text().split(separator: ".", omittingEmptySubsequences: false).first == "1" else {
            throw specification.refusal("expected version 1 of TUF's specification; upgrade sojourn")
        }
        let number = try signed.required("version")
        version = try number.integer()
        guard 1...TUF.Limit.version ~= version else {
            throw number.refusal("a version begins with 1, and ends at 2^53")
        }
        expires = try Timestamp(parsing: try signed.required("expires").text())
    }
}

/// Pairs of hexadecimal digits, of either case.
enum Hexadecimal {
    /// Nil for anything else.
    static func bytes(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    static func isDigit(_ byte: UInt8) -> Bool { value(byte) != nil }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
