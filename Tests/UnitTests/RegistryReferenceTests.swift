import GridModel
import Testing

@testable import Registry

/// Addresses of registries, and what these ask of those they do not know.
@Suite struct RegistryReferenceTests {
    private static let hex = String(repeating: "ab", count: 32)

    @Test(arguments: [
        ("oci://registry.example.org/lhc/pythia8:8.317.2", "registry.example.org", "lhc/pythia8", "8.317.2"),
        ("oci://registry.example.org:5000/a", "registry.example.org:5000", "a", "latest"),
        ("oci://localhost/a-b/c__d.e/f:v1_2-3.4", "localhost", "a-b/c__d.e/f", "v1_2-3.4"),
        ("oci://[::1]:5000/a@sha256:\(hex)", "[::1]:5000", "a", "sha256:\(hex)"),
        ("oci://127.0.0.1:1/a:tag@sha256:\(hex)", "", "", ""),
    ])
    func anAddressIsTakenApart(_ text: String, _ host: String, _ repository: String, _ manifest: String) throws {
        guard !host.isEmpty else {
            // A tag beside a digest says nothing.
            #expect(throws: RegistryError.self) { try RegistryReference(parsing: text) }
            return
        }
        let reference = try RegistryReference(parsing: text)
        #expect(reference.host == host && reference.repository == repository && reference.manifest == manifest)
        #expect(reference.description == text)
    }

    @Test(arguments: [
        "", "oci:/a/b", "docker://host/a", "oci://", "oci://host", "oci://host/", "oci://host/A", "oci://host/a/",
        "oci://host//a", "oci://host/a:", "oci://host/a:.x", "oci://host/a:b c", "oci://host/a@sha256:12",
        "oci://host:/a", "oci://host:99999/a", "oci://host:0/a", "oci://user@host/a", "oci://-host/a", "oci://ho_st/a",
        "oci://host/a?b", "oci://host/a#b", "oci://host/../a", "oci://[zz]/a", "oci://[::1/a",
        "oci://host/a:" + String(repeating: "t", count: 129), "oci://host/" + String(repeating: "a", count: 300),
    ])
    func whatIsNoAddressIsRefused(_ text: String) {
        #expect(throws: RegistryError(.wrongReference, "")) { try RegistryReference(parsing: text) }
    }

    @Test func thisHostIsKnownByItsNames() throws {
        for name in ["localhost:5000", "127.0.0.1", "127.8.9.10:1", "[::1]:5000"] {
            #expect(try RegistryReference(parsing: "oci://\(name)/a").isLoopback)
        }
        for name in ["localhost.example.org", "registry.example.org", "[::2]", "128.0.0.1"] {
            #expect(try !RegistryReference(parsing: "oci://\(name)/a").isLoopback)
        }
    }

    @Test func aChallengeIsTakenApart() throws {
        let bearer = try #require(
            Challenge(parsing: #"Bearer realm="https://auth.example.org/token?x=1",service="r, \"s\"",scope="a:b:c,d""#)
        )
        #expect(bearer.scheme == "bearer")
        #expect(bearer.parameters["realm"] == "https://auth.example.org/token?x=1")
        #expect(bearer.parameters["service"] == #"r, "s""# && bearer.parameters["scope"] == "a:b:c,d")
        #expect(Challenge(parsing: "Basic realm=tests")?.parameters == ["realm": "tests"])
        #expect(Challenge(parsing: "Basic")?.parameters == [:])
        for odd in [
            "Bearer realm=\"open", "Bearer =x", "Bearer realm", "Bearer \u{7f}", String(repeating: "x", count: 5000),
        ] {
            #expect(Challenge(parsing: odd).map { $0.parameters.isEmpty } ?? true, "\(odd.prefix(20))")
        }
    }
}
