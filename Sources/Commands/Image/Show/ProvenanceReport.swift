import GridModel
import ImageFormat
import ImageStore

/// What an image was made from, and what is said about it.
struct ProvenanceReport: Shown {
    struct Recipe: Encodable {
        var name: String
        var digest: Digest
        /// The newest date of what it was locked to.
        var time: Timestamp
        var packages: Int
        var wheels: Int
        var files: Int
        var snapshots: Int
        var container: String?
        var inputs: Int
        var bytes: Int64
        var text: String

        /// `118 packages, 1 wheel: 119 inputs, 48 MiB`.
        var summary: String {
            let parts = [(packages, "package"), (wheels, "wheel"), (files, "file"), (snapshots, "snapshot")]
                .filter { $0.0 > 0 }.map { "\($0) \($1)\($0 == 1 ? "" : "s")" }
            let all = parts + (container.map { ["container \($0)"] } ?? [])
            return
                "\(all.isEmpty ? "" : all.joined(separator: ", ") + ": ")\(inputs) input\(inputs == 1 ? "" : "s"), \(ByteCount(bytes).rounded)"
        }
    }

    struct Kernel: Encodable {
        var name: String
        var digest: Digest
    }

    struct Referrer: Encodable {
        var digest: Digest
        var artifactType: String
        var predicateType: String?
        var size: Int64
        /// The keys of this home whose signatures stand under it and are right; nil for what carries no signatures.
        var signedBy: [String]?
    }

    let name: String
    let digest: Digest
    /// The time of the image: its newest input's.
    let time: Timestamp
    let kernel: Kernel?
    let lock: Digest
    /// The kernel's own too.
    let inputs: Int
    let recipes: [Recipe]
    let referrers: [Referrer]

    init(_ artifact: StoredArtifact, _ store: ImageStore) throws {
        name = artifact.name
        digest = artifact.digest
        let lock = try store.lock(of: artifact)
        self.lock = try artifact.manifest.blob(MediaType.lock).digest
        time = lock.time
        kernel = lock.kernel.map { Kernel(name: $0.name, digest: $0.digest) }
        inputs = lock.inputs.count
        recipes = zip(lock.layers, try store.recipes(of: artifact)).map { layer, text in
            Recipe(
                name: layer.name, digest: layer.recipe, time: layer.time, packages: layer.packages.count,
                wheels: layer.wheels.count, files: layer.files.count, snapshots: layer.snapshots.count,
                container: layer.container?.reference, inputs: layer.inputs.count,
                bytes: layer.inputs.reduce(0) { $0 + $1.size }, text: String(decoding: text, as: UTF8.self))
        }
        let signers = try Signers(home: store.home)
        referrers = try store.referrers(of: artifact.digest).map { referrer in
            let isSigned = referrer.artifactType == MediaType.envelope
            return Referrer(
                digest: referrer.digest, artifactType: referrer.artifactType ?? referrer.mediaType,
                predicateType: referrer.annotations?[Annotation.predicateType],
                size: try store.contentSize(of: referrer),
                signedBy: isSigned
                    ? signers.names(
                        try store.content(of: referrer), about: artifact.digest, source: referrer.digest.description)
                    : nil)
        }
    }

    func printForPeople() {
        var fields = [("name", name), ("digest", digest.description), ("time", time.description)]
        if let kernel { fields.append(("kernel", "\(kernel.name), \(kernel.digest)")) }
        fields.append(("lock", "\(lock), \(inputs) inputs"))
        for recipe in recipes {
            fields.append(("recipe", "\(recipe.name), \(recipe.digest)"))
            fields.append(("made from", "\(recipe.summary), as of \(recipe.time)"))
        }
        Output.fields(fields)
        print("")
        guard !referrers.isEmpty else { return print("Nothing is said about it: it has no referrers.") }
        let rows = referrers.map {
            [
                $0.predicateType ?? $0.artifactType,
                $0.signedBy.map { $0.isEmpty ? "nobody known here" : $0.joined(separator: ", ") } ?? "-",
                ByteCount($0.size).rounded, $0.digest.description,
            ]
        }
        Output.table(["ABOUT IT", "SIGNED BY", "SIZE", "REFERRER"], rows)
    }
}
