import ImageFormat
package import Trust

extension Provenance {
    /// Of an image that the home with the key `builder` built with this `version` of the program.
    package init(of facts: ImageFacts, run: BuildRun, builder: KeyID, version: String) {
        let recipe = facts.lock.layers.last?.name ?? facts.artifact.name
        buildDefinition = BuildDefinition(
            buildType: Self.buildType,
            externalParameters: ExternalParameters(recipe: recipe, environment: facts.environment),
            internalParameters: InternalParameters(version: version, architecture: facts.architecture),
            resolvedDependencies: Self.dependencies(of: facts))
        runDetails = RunDetails(
            builder: Builder(
                id: "urn:sojourn:home:\(builder)", version: run.tools.merging(["sojourn": version]) { $1 }),
            metadata: Metadata(invocationId: run.identifier, startedOn: run.started, finishedOn: run.finished),
            byproducts: Self.byproducts(of: facts.manifest))
    }

    private static func dependencies(of facts: ImageFacts) -> [ResourceDescriptor] {
        [facts.base, facts.lock.kernel.map { ImageFacts.Artifact(name: $0.name, digest: $0.digest) }]
            .compactMap { $0.map { ResourceDescriptor($0) } } + facts.lock.layers.flatMap(dependencies)
    }

    private static func dependencies(of layer: Lock.Layer) -> [ResourceDescriptor] {
        var found = [ResourceDescriptor(name: layer.name, digest: layer.recipe, mediaType: MediaType.recipe)]
        found += layer.packages.map {
            ResourceDescriptor(name: $0.fileName, uri: PackageURL($0).description, digest: $0.digest)
        }
        found += layer.wheels.map {
            ResourceDescriptor(name: $0.file, uri: PackageURL(file: $0).description, digest: $0.digest)
        }
        found += layer.files.map { ResourceDescriptor(name: $0.source, digest: $0.digest) }
        found += layer.snapshots.map { ResourceDescriptor(name: $0.source, digest: $0.digest) }
        if let container = layer.container {
            found += container.blobs.map { blob in
                let isManifest = blob.digest == container.manifest
                return ResourceDescriptor(name: isManifest ? container.reference : blob.name, digest: blob.digest)
            }
        }
        return found
    }

    private static func byproducts(of manifest: OCIManifest) -> [ResourceDescriptor] {
        let names = [MediaType.lock: "lock", MediaType.packages: "packages"]
        return manifest.layers.compactMap { blob in
            var name = names[blob.mediaType]
            if blob.mediaType == MediaType.files {
                name = "files of \(blob.annotations?[Annotation.layerName] ?? "a layer")"
            }
            return name.map { ResourceDescriptor(name: $0, digest: blob.digest, mediaType: blob.mediaType) }
        }
    }
}
