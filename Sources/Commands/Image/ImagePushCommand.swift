import ArgumentParser
import GridModel
import HTTPTransport
import ImageStore
import Linux
import Registry

struct ImagePushCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Put an image into an OCI registry, with its kernel and all that is said about it.",
        discussion: """
            sojourn image push lhc/pythia8:8.317.2@debian12 oci://registry.example.org/lhc/pythia8:8.317.2

            skopeo moves the blobs; digests stay what they are. What is said about an image stands under the tag sha256-HEX, \
            which every registry can keep, beside what others have put there. Names and passwords are those of 'skopeo login'. \
            Prints the address with the digest.
            """)

    @Argument(help: "An environment, a kernel's name, a digest, or at least 8 digits of one.")
    var reference: String

    @Argument(help: "oci://HOST[:PORT]/NAME[:TAG]; without a tag 'latest'.")
    var target: String

    @Flag(help: "Only what is said about it, such as that it was rebuilt here; the registry has the image.")
    var statements = false

    @OptionGroup var registry: RegistryOptions

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Show no progress.")
    var quiet = false

    @OptionGroup var home: HomeOptions

    func run() throws {
        let target = try RegistryReference(parsing: target)
        let store = try home.store()
        let artifact = try store.artifact(reference: reference)
        let line = ProgressLine(isWanted: !quiet && !json)
        defer { line.clear() }
        let result = try registry.with { access in
            try RegistryPush(store, access) { line.show($0) }.run(artifact, to: target, isWhole: !statements)
        }
        line.clear()
        let answer = Answer(
            name: artifact.name, digest: artifact.digest, reference: "\(result.reference)", listed: result.referrers)
        try answer.show(asJSON: json)
    }

    private struct Answer: Shown {
        let name: String
        let digest: Digest
        let reference: String
        /// Of what is said about it, that the registry did not list before.
        let listed: Int

        func printForPeople() {
            Report.line("sojourn: of what is said about \(name), \(listed) more listed in the registry")
            print(reference)
        }
    }
}

/// How a registry is reached.
struct RegistryOptions: ParsableArguments {
    @Flag(help: "With a registry: plain http, and a certificate that nobody vouches for, will do.")
    var insecure = false

    func with<Value>(_ body: (RegistryAccess) throws -> Value) throws -> Value {
        let environment = Host.variables
        return try HTTPTransport.with(environment: environment) { transport in
            try body(RegistryAccess(transport, isInsecure: insecure, environment: environment))
        }
    }
}
