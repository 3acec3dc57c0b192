internal import Crypto
package import GridModel
import Linux

/// An image list whose signature holds: what was signed, and by whom.
package struct SignedList: Sendable {
    /// What is read of a served list.
    package static let byteLimit = 16 << 20

    /// The JSON text as it was signed: with CRLF at the ends of its lines, whatever it was served with.
    package let payload: [UInt8]
    /// The payload's: says whether two lists have the same content.
    package let digest: GridModel.Digest
    package let signer: Signer

    /// Verifies a served list at the time `now`. `authorities` holds CA certificates and CRLs under hashed names
    /// (`HASH.0`, `HASH.r0`), as /etc/grid-security/certificates; nothing else is trusted.
    package init(verifying served: [UInt8], authorities: String, now: Timestamp, openSSL: OpenSSL = OpenSSL()) throws {
        guard served.count <= Self.byteLimit else {
            throw ImageListError(
                .tooLarge, "the list has \(served.count) bytes, more than the \(Self.byteLimit) bytes allowed")
        }
        try SignedMessage.check(served)
        let verification = try Verification(served, authorities: authorities, now: now, openSSL: openSSL)
        payload = try SignedMessage.text(of: try verification.signedPart())
        digest = GridModel.Digest(bytes: SHA256.hash(data: payload))
        try verification.checkChain()
        signer = try verification.signer()
    }
}

/// openssl's part in the verification of one list. The three runs share files.
private struct Verification {
    private let message: Descriptor
    private let part: Descriptor
    /// The signers' certificates, found by openssl by their signatures.
    private let signers: Descriptor
    /// All that came with the message.
    private let certificates: Descriptor
    private let authorities: String
    private let trust: [String]
    private let openSSL: OpenSSL

    init(_ served: [UInt8], authorities: String, now: Timestamp, openSSL: OpenSSL) throws {
        // openssl takes a colon for the end of one directory's name and the beginning of the next.
        guard authorities.hasPrefix("/"), !authorities.contains(":"), Files.isDirectory(authorities) else {
            throw ImageListError(
                .unverified,
                "'\(authorities)' is no directory with CA certificates and CRLs: expected an absolute path without "
                    + "a colon, for example /etc/grid-security/certificates")
        }
        message = try OpenSSL.file("message", served)
        part = try OpenSSL.file("part")
        signers = try OpenSSL.file("signers")
        certificates = try OpenSSL.file("certificates")
        self.authorities = authorities
        self.openSSL = openSSL
        // Without the two "no" the authorities that the system trusts for its web clients were trusted too.
        // Level 2 refuses certificates signed with MD5 or SHA-1, and RSA keys below 2048 bits.
        trust = [
            "-no-CAfile", "-no-CAstore", "-CApath", authorities, "-crl_check_all", "-auth_level", "2", "-attime",
            String(now.seconds),
        ]
    }

    /// Verifies the signature and its signer's chain; the bytes that were signed.
    func signedPart() throws -> [UInt8] {
        // The purpose is looked at by `checkChain`: grids certify robots for authentication, not for mail.
        let answer = try openSSL.run(
            [
                "cms", "-verify", "-inform", "SMIME", "-in", OpenSSL.path(0), "-out", OpenSSL.path(1),
                "-signer", OpenSSL.path(2), "-certsout", OpenSSL.path(3), "-purpose", "any",
            ] + trust,
            files: [message, part, signers, certificates])
        guard answer.status == .exited(0) else { throw refusal(answer) }
        let found = try OpenSSL.contents(of: signers, limit: SignedList.byteLimit)
        let count = String(decoding: found, as: UTF8.self).split(separator: "\n")
            .count { $0.hasPrefix("-----BEGIN CERTIFICATE") }
        guard count == 1 else {
            throw ImageListError(
                .unsuitableSigner, "the list has \(count) signatures, expected one: that of its endorser")
        }
        return try OpenSSL.contents(of: part, limit: SignedList.byteLimit * 2 + 1024)
    }

    /// Verifies the signer's chain again, by what is in `authorities` alone, for a purpose that fits.
    ///
    /// `cms` (OpenSSL 3.0) prefers CRLs that came with the message to newer ones of the directory: whoever has a
    /// revoked certificate would bring the CRL of the day before.
    func checkChain() throws {
        var refused: OpenSSL.Answer?
        for purpose in ["smimesign", "sslclient"] {
            let answer = try openSSL.run(
                ["verify", "-purpose", purpose] + trust + ["-untrusted", OpenSSL.path(1), OpenSSL.path(0)],
                files: [signers, certificates])
            if answer.status == .exited(0) { return }
            refused = refused ?? answer
        }
        if let refused { throw refusal(refused) }
    }

    func signer() throws -> Signer {
        let answer = try openSSL.run(
            [
                "x509", "-in", OpenSSL.path(0), "-noout", "-subject", "-issuer", "-nameopt",
                "sep_multiline,sname,utf8,esc_ctrl",
            ], files: [signers])
        guard answer.status == .exited(0) else { throw refusal(answer) }
        var names: [String: [String]] = [:]
        var current = ""
        for line in answer.output.split(separator: "\n") {
            if line.hasPrefix("    ") {
                names[current, default: []].append(String(line.dropFirst(4)))
            } else {
                current = String(line.prefix { $0 != "=" })
            }
        }
        return Signer(
            subject: try GridName(attributes: names["subject"] ?? []),
            issuer: try GridName(attributes: names["issuer"] ?? []))
    }

    private func refusal(_ answer: OpenSSL.Answer) -> ImageListError {
        guard case .exited = answer.status else {
            return ImageListError(.toolFailed, "openssl was ended by a signal; try again")
        }
        return ImageListError(
            .unverified,
            "the list's signature does not verify with the CA certificates and CRLs in \(authorities): "
                + "\(answer.reasons) (every CA of the chain needs its certificate and a CRL of these days there)")
    }
}
