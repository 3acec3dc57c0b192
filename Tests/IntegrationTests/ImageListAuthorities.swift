import Foundation
import GridModel
import ImageLists
import StrictJSON
import Testing

/// Certification authorities of openssl, endorsers with certificates of theirs, and the lists that these sign.
///
/// All of it lives in 2030: nothing here asks this host's clock.
final class ImageListAuthorities: Sendable {
    /// With a CRL of before and of after the revocation of `revoked`.
    static let shared: Result<ImageListAuthorities, any Error> = Result {
        let authorities = try ImageListAuthorities()
        // What is shared by all tests goes with their process.
        atexit {
            if case .success(let made) = ImageListAuthorities.shared {
                try? FileManager.default.removeItem(at: made.directory)
            }
        }
        return authorities
    }

    /// When tests look at a list.
    static let now = "2030-06-01T00:00:00Z"

    /// A certificate: subject, issuer, what it is for, and until when.
    private struct Certificate {
        var name: String
        var subject: String
        var authority = "issuing"
        var usage = "emailProtection,clientAuth"
        var end = "20350101000000Z"
        var digest = "sha256"
    }

    private static let certificates = [
        Certificate(name: "endorser", subject: "/DC=org/DC=example/OU=Robots/CN=Robot: images\\/somebody"),
        Certificate(name: "colleague", subject: "/DC=org/DC=example/OU=People/CN=A Colleague"),
        Certificate(name: "robot", subject: "/DC=org/DC=example/CN=Only a client", usage: "clientAuth"),
        Certificate(name: "server", subject: "/DC=org/DC=example/CN=host\\/a.example.org", usage: "serverAuth"),
        Certificate(name: "expired", subject: "/DC=org/DC=example/CN=Expired", end: "20300501000000Z"),
        Certificate(name: "revoked", subject: "/DC=org/DC=example/CN=Revoked"),
        Certificate(name: "weak", subject: "/DC=org/DC=example/CN=Weak", digest: "sha1"),
        Certificate(name: "umlaut", subject: "/DC=org/DC=example/CN=M\u{fc}ller"),
        Certificate(name: "lure", subject: "/DC=org/DC=example/CN=x\\/CN=A Colleague"),
        Certificate(
            name: "stranger", subject: "/DC=org/DC=example/OU=Robots/CN=Robot: images\\/somebody", authority: "other"),
    ]

    static let endorser = "/DC=org/DC=example/OU=Robots/CN=Robot: images/somebody"
    static let issuer = "/DC=org/DC=example/CN=Issuing CA"

    private let directory: URL
    private let hashes: [String: String]

    private init() throws {
        directory = FileManager.default.temporaryDirectory.appending(
            path: "sojourn-test-authorities-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let work = Work(directory: directory)
        for name in ["root", "issuing", "other"] { try work.makeAuthority(name) }
        try work.certify("root", by: "root", subject: "/DC=org/DC=example/CN=Root CA", extra: ["-selfsign"])
        try work.certify("other", by: "other", subject: "/DC=org/DC=example/CN=Issuing CA", extra: ["-selfsign"])
        try work.certify("issuing", by: "root", subject: "/DC=org/DC=example/CN=Issuing CA")
        for certificate in Self.certificates {
            try work.certify(
                certificate.name, by: certificate.authority, subject: certificate.subject, usage: certificate.usage,
                end: certificate.end, digest: certificate.digest)
        }
        for name in ["root", "issuing", "other"] { try work.makeCRL(name, of: name) }
        try work.makeCRL("issuing-old", of: "issuing", end: "20300602000000Z")
        try work.openssl(["ca", "-config", "issuing.cnf", "-revoke", "revoked.pem"])
        try work.makeCRL("issuing", of: "issuing")
        hashes = try Dictionary(
            uniqueKeysWithValues: ["root", "issuing", "other"].map { name in
                let hash = try work.openssl(["x509", "-noout", "-hash", "-in", "\(name).pem"])
                return (name, String(hash.prefix { $0 != "\n" }))
            })
    }

    func path(_ name: String) -> String { directory.appending(path: name).path }

    func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: directory.appending(path: name))) }

    @discardableResult
    func openssl(_ arguments: [String]) throws -> String { try Work(directory: directory).openssl(arguments) }

    /// A directory of certificates and CRLs, as sites have one. `crls` are names of CRLs, of the authority that each is
    /// named after.
    func directory(
        in place: Scratch, certificates: [String] = ["root", "issuing"], crls: [String] = ["root", "issuing"]
    ) throws -> String {
        let made = place.url.appending(path: "certificates-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
        // Authorities of one name have one hash, and are told apart by a number.
        var count: [String: Int] = [:]
        for name in certificates {
            let hash = try #require(hashes[name])
            try FileManager.default.copyItem(
                at: directory.appending(path: "\(name).pem"),
                to: made.appending(path: "\(hash).\(count[hash, default: 0])"))
            count[hash, default: 0] += 1
        }
        for name in crls {
            let hash = try #require(hashes[String(name.prefix { $0 != "-" })])
            try FileManager.default.copyItem(
                at: directory.appending(path: "\(name).crl"), to: made.appending(path: "\(hash).r0"))
        }
        return made.path
    }

    /// A message that openssl signs. Only `with` is sent along, beside the signer's own certificate.
    func sign(
        _ payload: String, by signers: [String] = ["endorser"], with certificates: [String] = ["issuing"],
        options: [String] = []
    ) throws -> [UInt8] {
        let place = try Scratch()
        try place.write(payload, to: "list.json")
        var arguments = ["cms", "-sign", "-in", "\(place.url.path)/list.json", "-out", "\(place.url.path)/list.eml"]
        for signer in signers { arguments += ["-signer", "\(signer).pem", "-inkey", "\(signer).key"] }
        for name in certificates { arguments += ["-certfile", "\(name).pem"] }
        try openssl(arguments + options)
        return Array(try Data(contentsOf: place.url.appending(path: "list.eml")))
    }
}

/// openssl at work in a directory.
private struct Work {
    let directory: URL

    @discardableResult
    func openssl(_ arguments: [String], usage: String = "clientAuth") throws -> String {
        let running = try Running(
            program: "/usr/bin/openssl", arguments: arguments, directory: directory, input: "",
            environment: ["USAGE": usage])
        let result = try running.finish(within: .seconds(60))
        try #require(result.status == 0, "openssl \(arguments.joined(separator: " ")): \(result.error)")
        return result.output
    }

    func makeAuthority(_ name: String) throws {
        let files = FileManager.default
        try files.createDirectory(at: directory.appending(path: "\(name).d"), withIntermediateDirectories: true)
        let configuration = """
            [ca]
            default_ca = authority
            [authority]
            database = \(name).d/index.txt
            new_certs_dir = \(name).d
            certificate = \(name).pem
            private_key = \(name).key
            crlnumber = \(name).d/crlnumber
            rand_serial = yes
            default_md = sha256
            policy = any
            unique_subject = no
            [any]
            commonName = optional
            [authority-certificate]
            basicConstraints = critical, CA:TRUE
            keyUsage = critical, keyCertSign, cRLSign
            [endorser-certificate]
            basicConstraints = critical, CA:FALSE
            keyUsage = critical, digitalSignature
            extendedKeyUsage = $ENV::USAGE

            """
        for (file, text) in [
            ("\(name).cnf", configuration), ("\(name).d/index.txt", ""), ("\(name).d/crlnumber", "01\n"),
        ] {
            try Data(text.utf8).write(to: directory.appending(path: file))
        }
    }

    func certify(
        _ name: String, by authority: String, subject: String, usage: String? = nil, end: String = "20400101000000Z",
        digest: String = "sha256", extra: [String] = []
    ) throws {
        try openssl([
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8", "-subj", subject,
            "-keyout", "\(name).key", "-out", "\(name).csr",
        ])
        try openssl(
            [
                "ca", "-batch", "-config", "\(authority).cnf", "-in", "\(name).csr", "-out", "\(name).pem", "-notext",
                "-preserveDN", "-startdate", "20260101000000Z", "-enddate", end, "-md", digest, "-extensions",
                usage == nil ? "authority-certificate" : "endorser-certificate",
            ] + extra, usage: usage ?? "clientAuth")
    }

    func makeCRL(_ name: String, of authority: String, end: String = "20300620000000Z") throws {
        try openssl([
            "ca", "-config", "\(authority).cnf", "-gencrl", "-crl_lastupdate", "20300301000000Z", "-crl_nextupdate",
            end,
            "-out", "\(name).crl",
        ])
    }
}
