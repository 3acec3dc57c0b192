import Foundation
import Testing

/// Messages that openssl does not make: put together from its parts.
extension ImageListAuthorities {
    /// A signed message that brings a CRL along.
    func signWithCRL(_ payload: String, by signer: String, crl: String) throws -> [UInt8] {
        let place = try Scratch()
        try place.write(payload, to: "list.json")
        let path = place.url.path
        try openssl([
            "cms", "-sign", "-in", "\(path)/list.json", "-signer", "\(signer).pem", "-inkey", "\(signer).key",
            "-certfile", "issuing.pem", "-outform", "DER", "-out", "\(path)/signature",
        ])
        try openssl(["crl", "-in", "\(crl).crl", "-outform", "DER", "-out", "\(path)/crl"])
        let signature = Array(try Data(contentsOf: place.url.appending(path: "signature")))
        let list = Array(try Data(contentsOf: place.url.appending(path: "crl")))
        return message(payload, signature: try Self.inserting(list, into: signature))
    }

    /// Certificates where a signature ought to be.
    func messageWithoutSigner(_ payload: String) throws -> [UInt8] {
        let place = try Scratch()
        try openssl([
            "crl2pkcs7", "-nocrl", "-certfile", "endorser.pem", "-outform", "DER", "-out",
            "\(place.url.path)/signature",
        ])
        return message(payload, signature: Array(try Data(contentsOf: place.url.appending(path: "signature"))))
    }

    private func message(_ payload: String, signature: [UInt8]) -> [UInt8] {
        let text = Data(signature).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return Array(
            """
            MIME-Version: 1.0
            Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg="sha-256"; boundary="part"

            --part
            \(payload)
            --part
            Content-Type: application/pkcs7-signature; name="smime.p7s"
            Content-Transfer-Encoding: base64

            \(text)

            --part--

            """.utf8)
    }

    /// ContentInfo { type, [0] SignedData { version, digests, content, [0] certificates, [1] CRLs, signers } } (RFC 5652).
    private static func inserting(_ crl: [UInt8], into signature: [UInt8]) throws -> [UInt8] {
        let information = try parts(of: try body(signature))
        var data = try parts(of: try body(try body(information[1])))
        let certificates = try #require(data.firstIndex { $0.first == 0xa0 })
        data.insert(element(0xa1, crl), at: certificates + 1)
        return element(0x30, information[0] + element(0xa0, element(0x30, data.flatMap { $0 })))
    }

    /// A DER element's tag and contents.
    private static func element(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] {
        guard contents.count >= 128 else { return [tag, UInt8(contents.count)] + contents }
        return [tag, 0x82, UInt8(contents.count >> 8), UInt8(contents.count & 255)] + contents
    }

    private static func header(_ element: ArraySlice<UInt8>) throws -> (header: Int, length: Int) {
        let bytes = Array(element.prefix(6))
        try #require(bytes.count > 1)
        guard bytes[1] >= 128 else { return (2, Int(bytes[1])) }
        let count = Int(bytes[1] & 127)
        try #require(count > 0 && bytes.count >= 2 + count, "an indefinite length")
        return (2 + count, bytes[2..<2 + count].reduce(0) { $0 << 8 | Int($1) })
    }

    private static func body(_ element: [UInt8]) throws -> [UInt8] {
        let (header, length) = try header(element[...])
        return Array(element[header..<header + length])
    }

    private static func parts(of contents: [UInt8]) throws -> [[UInt8]] {
        var parts: [[UInt8]] = []
        var rest = contents[...]
        while !rest.isEmpty {
            let (header, length) = try header(rest)
            parts.append(Array(rest.prefix(header + length)))
            rest = rest.dropFirst(header + length)
        }
        return parts
    }
}
