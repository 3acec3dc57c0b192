import Attestation
import Foundation
import GridModel
import ImageFormat
import ImageStore
import StrictJSON
import Testing
import Trust

/// Images in a real registry: pushed, pulled elsewhere, and what can go wrong between.
@Suite struct RegistryTests {
    let workshop: Workshop
    /// A home that has nothing.
    let other: Scratch
    private let environment = "os/debian12"

    init() throws {
        workshop = try Workshop()
        other = try Scratch()
    }

    private func push(_ target: String, _ options: String..., variables: [String: String] = [:]) throws
        -> Sojourn.Result
    {
        try workshop.sojourn(["image", "push", environment, target] + options, environment: variables)
    }

    private func pull(_ source: String, variables: [String: String] = [:]) throws -> Sojourn.Result {
        try Sojourn(program: workshop.sojourn.program, home: other.url)(
            ["image", "pull", source], environment: variables)
    }

    private func images(_ home: URL) throws -> JSONValue {
        let result = try Sojourn(program: workshop.sojourn.program, home: home)(["image", "list", "--json"])
        return try StrictJSON.decode(JSONValue.self, from: Array(result.output.utf8), source: "image list")
    }

    /// Its digest, and those of what is said about it.
    private func described(at home: URL) throws -> (digest: String, said: Set<String>, types: Set<String>) {
        let result = try Sojourn(program: workshop.sojourn.program, home: home)(
            ["image", "show", environment, "--provenance", "--json"])
        let shown = try StrictJSON.decode(JSONValue.self, from: Array(result.output.utf8), source: "show")
        let referrers = shown["referrers"]?.array ?? []
        return (
            try #require(shown["digest"]?.string), Set(referrers.compactMap { $0["digest"]?.string }),
            Set(referrers.compactMap { $0["artifactType"]?.string })
        )
    }

    @Test func aPushedImageIsPulledElsewhereWithItsKernelAndAllThatIsSaidAboutIt() throws {
        let registry = try RegistryServer()
        let target = registry.reference("lhc/systems:12")
        let pushed = try push(target)
        try #require(pushed.status == 0, "\(pushed.error)")
        let here = try described(at: workshop.sojourn.home)
        #expect(pushed.output == "\(registry.reference("lhc/systems"))@\(here.digest)\n")
        try #require(here.types.contains("application/spdx+json") && here.said.count >= 2)
        // Other tools find them by their types under the fallback tag.
        let listed = try registry.raw("lhc/systems:sha256-\(here.digest.dropFirst(7))")
        let list = try StrictJSON.decode(JSONValue.self, from: Array(listed.utf8), source: "list")["manifests"]?.array
        #expect(Set((list ?? []).compactMap { $0["artifactType"]?.string }) == here.types)
        #expect(Set((list ?? []).compactMap { $0["digest"]?.string }) == here.said)
        let manifest = try String(contentsOfFile: workshop.blob(here.digest), encoding: .utf8)
        #expect(try registry.raw("lhc/systems:12") == manifest)

        let pulled = try pull(target)
        try #require(pulled.status == 0, "\(pulled.error)")
        let there = try described(at: other.url)
        #expect(there.digest == here.digest && there.said == here.said)
        let kernel = try #require(try workshop.show(environment)["kernel"]?.string)
        #expect("\(try images(other.url))".contains(kernel))
        // Nobody answers for it there.
        let refused = try Sojourn(program: workshop.sojourn.program, home: other.url)(
            ["run", "--os", "debian12", "--", "true"], in: workshop.place.url)
        #expect(refused.status == 125 && refused.error.contains("may not run here"), "\(refused.error)")
        // Again, and by digest: all is there.
        let again = try push(target, "--json")
        let said = try StrictJSON.decode(JSONValue.self, from: Array(again.output.utf8), source: "push")
        #expect(again.status == 0 && said["listed"]?.int == 0, "\(again.output)\(again.error)")
        #expect(said["digest"]?.string == here.digest)
        #expect(try pull("\(registry.reference("lhc/systems"))@\(here.digest)").status == 0)
        let left = try FileManager.default.contentsOfDirectory(atPath: other.url.appendingPathComponent("cache").path)
        #expect(left.filter { $0.hasPrefix("registry-") } == [])
    }

    @Test func whatTheRegistryChangedIsRefusedAndLeavesNothing() throws {
        let registry = try RegistryServer()
        let target = registry.reference("systems:12")
        try #require(push(target).status == 0)
        let digest = try described(at: workshop.sojourn.home).digest
        let bill = try workshop.referrer(of: digest, "application/spdx+json")
        let said = "sha256:\(URL(fileURLWithPath: bill).lastPathComponent)"
        for damaged in [try #require(workshop.layers(environment).first), said] {
            try registry.damage(damaged)
            let result = try pull(target)
            #expect(result.status == 1, "\(result.output)")
            #expect(result.error.contains(damaged.prefix(19)), "\(result.error)")
            #expect(try images(other.url) == [])
            try registry.damage(damaged)
        }
        // A manifest of another digest than was asked for.
        try Data("{}".utf8).write(to: registry.blob(digest))
        let result = try pull("\(registry.reference("systems"))@\(digest)")
        #expect(result.status == 1 && result.output == "", "\(result.error)")
        #expect(try images(other.url) == [])
    }

    @Test func whatIsMissingOrForeignIsToldClearly() throws {
        let registry = try RegistryServer()
        let missing = try pull(registry.reference("nothing:1"))
        #expect(missing.status == 3 && missing.error.contains("nothing:1"), "\(missing.error)")
        // An index is no image of ours.
        try workshop.shell(
            """
            umoci init --layout foreign && umoci new --image foreign:v1
            skopeo --insecure-policy copy --quiet --dest-tls-verify=false oci:foreign:v1 docker://127.0.0.1:\(registry.port)/foreign:1
            """)
        let foreign = try pull(registry.reference("foreign:1"))
        #expect(foreign.status == 1 && foreign.error.contains("from: docker://"), "\(foreign.error)")
        let only = try push(registry.reference("nothing:1"), "--statements")
        #expect(only.status == 3 && only.error.contains("push the image too"), "\(only.error)")
        for wrong in [
            "oci://", "oci://host", "oci://host/UPPER", "oci://ho st/a", "oci://host/a@sha256:12", "oci://host/a:",
        ] {
            #expect(try pull(wrong).status == 2, "\(wrong)")
        }
        try registry.stop()
        let gone = try pull(registry.reference("systems:12"))
        #expect(gone.status == 1 && gone.error.contains("registry 127.0.0.1:\(registry.port)"), "\(gone.error)")
    }

    @Test func aClosedRegistryTakesTheCredentialsOfSkopeo() throws {
        let registry = try RegistryServer(.init(isClosed: true))
        let target = registry.reference("systems:12")
        let nobody = workshop.path("none.json")
        try workshop.place.write("{}", to: "none.json")
        let refused = try push(target, variables: ["REGISTRY_AUTH_FILE": nobody])
        #expect(refused.status == 1 && refused.error.contains("skopeo login 127.0.0.1"), "\(refused.error)")
        let file = workshop.path("auth.json")
        try workshop.shell(
            "echo secret | skopeo login --authfile '\(file)' --tls-verify=false -u test --password-stdin 127.0.0.1:\(registry.port)"
        )
        let variables = ["REGISTRY_AUTH_FILE": file]
        let pushed = try push(target, variables: variables)
        try #require(pushed.status == 0, "\(pushed.error)")
        #expect(try pull(target, variables: ["REGISTRY_AUTH_FILE": nobody]).status == 1)
        let pulled = try pull(target, variables: variables)
        try #require(pulled.status == 0, "\(pulled.error)")
        #expect(try described(at: other.url).said == described(at: workshop.sojourn.home).said)
    }

    @Test func aRegistryWithTLSIsAskedByIt() throws {
        let certificate = try Certificate(names: "localhost")
        let registry = try RegistryServer(.init(certificate: certificate))
        let target = registry.reference("systems:12", host: "localhost")
        let pushed = try push(target, variables: ["SSL_CERT_FILE": certificate.path])
        try #require(pushed.status == 0, "\(pushed.error)")
        #expect(try pull(target, variables: ["SSL_CERT_FILE": certificate.path]).status == 0)
        let unknown = try pull(target)
        #expect(unknown.status == 1 && unknown.error.contains("SSL_CERT_FILE"), "\(unknown.error)")
    }

    /// Killed at many moments, a push is completed by the next; what it left is removed.
    @Test func aKilledPushIsCompletedByTheNext() throws {
        let registry = try RegistryServer()
        let target = registry.reference("systems:12")
        let cache = workshop.sojourn.home.appendingPathComponent("cache").path
        for moment in 0..<4 {
            let running = try workshop.sojourn.start(["image", "push", environment, target])
            try eventually(.seconds(30), "a beginning of the push") {
                let left = try FileManager.default.contentsOfDirectory(atPath: cache)
                let blobs = FileManager.default.enumerator(atPath: registry.storage)?.allObjects.count ?? 0
                return !running.isRunning || (blobs >= moment * 8 && left.contains { $0.hasPrefix("registry-") })
            }
            kill(running.pid, SIGKILL)
            _ = try running.finish(within: .seconds(10))
        }
        try #require(push(target).status == 0)
        #expect(try pull(target).status == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: cache).filter { $0.hasPrefix("registry-") } == [])
    }
}
