package import GridModel
package import StrictJSON
package import Trust

/// One entry of an experiment's role: until when it stands for the image of a digest.
package struct Endorsement: Hashable, Sendable {
    package let name: ArtifactName
    /// The manifest's.
    package let digest: Digest
    /// Of the manifest, in bytes.
    package let length: Int64
    package let endorsed: Timestamp
    package let until: Timestamp
    /// The role's version in which it came.
    package let version: Int64

    package init(
        _ name: ArtifactName, _ digest: Digest, length: Int64, from endorsed: Timestamp, until: Timestamp,
        version: Int64
    ) {
        self.name = name
        self.digest = digest
        self.length = length
        self.endorsed = endorsed
        self.until = until
        self.version = version
    }

    package var path: String { name.path(of: digest) }

    /// Reads an entry; what is not of this form, or says another path or digest than it stands under, is refused.
    package init(_ path: String, _ target: TUF.Target, source: String) throws {
        func refuse(_ what: String) -> DistributionError {
            DistributionError(.refused, "\(source): the target \(path.prefix(300)) \(what)")
        }
        guard let fields = try target.custom?.member("sojourn"), let sha256 = target.hashes.sha256 else {
            throw refuse("is no endorsement: it has no 'custom.sojourn', or no sha256")
        }
        name = try ArtifactName(fields)
        digest = try Digest(parsing: "sha256:\(sha256)")
        length = target.length
        endorsed = try Timestamp(parsing: try fields.required("endorsed").text())
        until = try Timestamp(parsing: try fields.required("until").text())
        version = try fields.required("version").integer()
        guard path == self.path else { throw refuse("does not fit its entry, which belongs under \(self.path)") }
    }

    package var value: JSONValue {
        let fields: [String: JSONValue] = [
            "endorsed": .string(endorsed.description), "until": .string(until.description), "version": .int(version),
        ]
        return [
            "length": .int(length), "hashes": ["sha256": .string(digest.hex)],
            "custom": ["sojourn": .object(fields.merging([name.field]) { own, _ in own })],
        ]
    }
}

/// What a role answers for no more.
package struct Withdrawal: Hashable, Sendable {
    package let name: ArtifactName
    package let digest: Digest
    package let endorsed: Timestamp
    package let withdrawn: Timestamp
    package let because: String

    package init(_ entry: Endorsement, at time: Timestamp, because: String) {
        name = entry.name
        digest = entry.digest
        endorsed = entry.endorsed
        withdrawn = time
        self.because = because
    }

    package init(_ fields: JSONElement) throws {
        name = try ArtifactName(fields)
        digest = try Digest(parsing: try fields.required("digest").text())
        endorsed = try Timestamp(parsing: try fields.required("endorsed").text())
        withdrawn = try Timestamp(parsing: try fields.required("withdrawn").text())
        because = try fields.required("because").text()
    }

    package var value: JSONValue {
        let fields: [String: JSONValue] = [
            "digest": .string(digest.description), "endorsed": .string(endorsed.description),
            "withdrawn": .string(withdrawn.description), "because": .string(because),
        ]
        return .object(fields.merging([name.field]) { own, _ in own })
    }
}

extension ArtifactName {
    fileprivate init(_ fields: JSONElement) throws {
        if let environment = try fields.member("environment") {
            self = .image(try Environment(parsing: try environment.text()))
        } else {
            let name = try fields.required("kernel")
            guard Environment.isName(try name.text()) else { throw name.refusal("expected the name of a kernel") }
            self = .kernel(try name.text())
        }
    }

    fileprivate var field: (String, JSONValue) {
        switch self {
        case .image(let environment): ("environment", .string(environment.description))
        case .kernel(let name): ("kernel", .string(name))
        }
    }
}

extension TUF.Targets {
    /// All that the role stands for, by path.
    package func endorsements(source: String) throws -> [String: Endorsement] {
        try Dictionary(
            uniqueKeysWithValues: targets.map { ($0.key, try Endorsement($0.key, $0.value, source: source)) })
    }

    /// All that it stands for no more, the oldest first.
    package func withdrawals() throws -> [Withdrawal] {
        try signed.member("withdrawn")?.elements().map { try Withdrawal($0) } ?? []
    }
}
