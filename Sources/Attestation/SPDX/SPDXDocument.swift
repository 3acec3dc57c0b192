import GridModel
package import ImageFormat

/// The bill of materials of an image: SPDX 2.3 in JSON. The same image and version of the program give the same bytes.
///
/// It describes one package, the image, which contains its installed packages, its snapshots and its container image.
/// A snapshot's package is the archive that the snapshot is kept as, and its files are related to it as
/// EXPANDED_FROM_ARCHIVE: a package that CONTAINS files owes a verification code over all of them sorted (7.9), for
/// which they would have to be held.
package struct SPDXDocument {
    /// The next file of a snapshot; nil at its end.
    package typealias FileSource = () throws -> SnapshotFile?

    private let facts: ImageFacts
    private let version: String

    /// `version` is the program's.
    package init(_ facts: ImageFacts, version: String) {
        self.facts = facts
        self.version = version
    }

    /// Hands the document to `sink` in pieces. `files` opens a snapshot; each is read once, and memory does not grow
    /// with the number of files.
    package func write(
        files: (Lock.Snapshot) throws -> FileSource, to sink: @escaping ([UInt8]) throws -> Void
    ) throws {
        var output = JSONStream(sink)
        let snapshots = facts.lock.layers.flatMap(\.snapshots)
        let packages = installedPackages() + sources(snapshots)
        try writeHead(to: &output)
        try output.raw(#","packages":["#)
        try output.value(imagePackage())
        for package in packages {
            try output.raw(",\n")
            try output.value(package)
        }
        try output.raw("],\n\"files\":[")
        var counts: [Int] = []
        for (index, snapshot) in snapshots.enumerated() {
            let source = try files(snapshot)
            counts.append(try writeFiles(of: index, source, isFirst: counts.allSatisfy { $0 == 0 }, to: &output))
        }
        try output.raw("],\n\"relationships\":[")
        try writeRelationship("SPDXRef-DOCUMENT", "DESCRIBES", Self.imageID, to: &output)
        for package in packages {
            try output.raw(",\n")
            try writeRelationship(Self.imageID, "CONTAINS", package.spdxID, to: &output)
        }
        for (index, count) in counts.enumerated() {
            for number in 0..<count {
                try output.raw(",\n")
                try writeRelationship(
                    Self.fileID(index, number), "EXPANDED_FROM_ARCHIVE", Self.snapshotID(index), to: &output)
            }
        }
        try output.raw("]}\n")
        try output.flush()
    }
}

// MARK: - Identifiers

extension SPDXDocument {
    private static let imageID = "SPDXRef-Image"
    private static func snapshotID(_ index: Int) -> String { "SPDXRef-Snapshot-\(index + 1)" }
    private static func fileID(_ index: Int, _ number: Int) -> String {
        "SPDXRef-Snapshot-\(index + 1)-File-\(number + 1)"
    }
}

// MARK: - Parts

extension SPDXDocument {
    private struct CreationInfo: Encodable {
        let created: Timestamp
        let creators: [String]
        let licenseListVersion = LicenceList.version
    }

    /// All before the packages, without the closing brace.
    private func writeHead(to output: inout JSONStream) throws {
        // Two versions of the program may write two documents, and each has a namespace of its own (6.5).
        let namespace = "https://spdx.org/spdxdocs/sojourn-\(PackageURL.encoded(version))-\(facts.artifact.digest.hex)"
        let creation = CreationInfo(created: facts.lock.time, creators: ["Tool: sojourn-\(version)"])
        try output.raw(#"{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"#)
        try output.value(facts.artifact.name)
        try output.raw(#","documentNamespace":"#)
        try output.value(namespace)
        try output.raw(#","creationInfo":"#)
        try output.value(creation)
    }

    private func imagePackage() -> SPDXPackage {
        var package = SPDXPackage(Self.imageID, name: facts.artifact.name, digest: facts.artifact.digest)
        package.versionInfo = facts.environment?.software?.version
        package.comment = "the checksum is that of the manifest (OCI image-spec), which names every part"
        package.declare(facts.licence)
        return package
    }

    /// Each of them once: a package may be there twice, as Python's are in two places.
    private func installedPackages() -> [SPDXPackage] {
        let digests = lockedDigests()
        var seen: Set<PackageURL> = []
        return facts.packages.packages.sorted(by: Self.precedes).compactMap { package in
            let url = PackageURL(package, distribution: facts.packages.distribution)
            guard seen.insert(url).inserted else { return nil }
            return SPDXPackage(package, url, digest: digests[url])
        }
    }

    /// The order of the list, and one between packages that only differ in what they say of themselves.
    private static func precedes(_ left: InstalledPackage, _ right: InstalledPackage) -> Bool {
        if left < right || right < left { return left < right }
        return (left.source ?? "", left.licence ?? "") < (right.source ?? "", right.licence ?? "")
    }

    /// The files that packages came in. One that came in two different files has no digest.
    private func lockedDigests() -> [PackageURL: Digest] {
        let distribution = facts.packages.distribution
        var found: [PackageURL: Set<Digest>] = [:]
        for layer in facts.lock.layers {
            for package in layer.packages {
                found[PackageURL(package, distribution: distribution), default: []].insert(package.digest)
            }
            for wheel in layer.wheels { found[PackageURL(wheel), default: []].insert(wheel.digest) }
        }
        return found.compactMapValues { $0.count == 1 ? $0.first : nil }
    }

    private func sources(_ snapshots: [Lock.Snapshot]) -> [SPDXPackage] {
        let archives = snapshots.enumerated().map { index, snapshot in
            var package = SPDXPackage(Self.snapshotID(index), name: snapshot.source, digest: snapshot.digest)
            package.primaryPackagePurpose = .archive
            package.comment = "a snapshot, kept as one tar, of which the checksum is"
            return package
        }
        let containers = facts.lock.layers.compactMap(\.container).enumerated().map { index, container in
            var package = SPDXPackage(
                "SPDXRef-Container-\(index + 1)", name: container.reference, digest: container.manifest)
            package.versionInfo = container.manifest.description
            package.primaryPackagePurpose = .container
            package.comment =
                "a container image, of which the root filesystem was taken; the checksum is its manifest's"
            return package
        }
        return archives + containers
    }

    /// Returns how many there were.
    private func writeFiles(
        of snapshot: Int, _ next: FileSource, isFirst: Bool, to output: inout JSONStream
    ) throws -> Int {
        var count = 0
        while let file = try next() {
            guard let first = file.path.utf8.first, first != UInt8(ascii: "/") else {
                throw AttestationError(
                    .unsuitableFacts,
                    "\(AttestationError.shown(file.path)) is no path of a snapshot: expected a relative one")
            }
            try output.raw(isFirst && count == 0 ? "" : ",\n")
            try output.raw(#"{"fileName":"./"#)
            try output.escaped(file.path)
            try output.raw(#"","SPDXID":""#)
            try output.raw(Self.fileID(snapshot, count))
            try output.raw(#"","checksums":[{"algorithm":"SHA1","checksumValue":""#)
            try output.raw(file.sha1)
            try output.raw(#""},{"algorithm":"SHA256","checksumValue":""#)
            try output.raw(file.digest.hex)
            try output.raw(#""}]}"#)
            count += 1
        }
        return count
    }

    private func writeRelationship(_ from: String, _ type: String, _ to: String, to output: inout JSONStream) throws {
        try output.raw(
            #"{"spdxElementId":"\#(from)","relationshipType":"\#(type)","relatedSpdxElement":"\#(to)"}"#)
    }
}
