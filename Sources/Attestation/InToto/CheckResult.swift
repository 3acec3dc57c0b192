package import GridModel
package import StrictJSON

/// How the checks of an image ended in a machine of it.
package struct CheckResult: StatementPredicate {
    /// How many commands a result may name.
    package static let mostCommands = 4096

    /// The specification's third, WARNED, is never ours.
    package enum Outcome: String, Codable, Sendable {
        case passed = "PASSED"
        case failed = "FAILED"
    }

    /// The machine that the checks ran in.
    package struct Setting: Hashable, Sendable {
        package let image: ImageFacts.Artifact
        package let kernel: ImageFacts.Artifact
        /// `kvm` or `tcg`.
        package let accelerator: String
        package let time: Timestamp
        /// The version of the program that checked.
        package let program: String

        package init(
            image: ImageFacts.Artifact, kernel: ImageFacts.Artifact, accelerator: String, time: Timestamp,
            program: String
        ) {
            self.image = image
            self.kernel = kernel
            self.accelerator = accelerator
            self.time = time
            self.program = program
        }
    }

    package let outcome: Outcome
    /// Commands, as the recipe has them.
    package let passed: [String]
    /// May be empty where the checks failed: the machine may not have come so far.
    package let failed: [String]
    package let setting: Setting

    package init(_ outcome: Outcome, passed: [String], failed: [String], in setting: Setting) {
        precondition(outcome == .failed || failed.isEmpty, "checks with a failed command have failed")
        self.outcome = outcome
        self.passed = passed
        self.failed = failed
        self.setting = setting
    }

    package func check() throws {
        guard outcome == .failed || failed.isEmpty else {
            throw AttestationError(
                .malformedStatement,
                "the checks are said to have passed, with \(failed.count) that failed; check the image again")
        }
        guard passed.count + failed.count <= Self.mostCommands else {
            throw AttestationError(
                .malformedStatement,
                "\(passed.count + failed.count) checks, where at most \(Self.mostCommands) are read")
        }
    }
}

// MARK: - JSON

/// In-toto's test result (in-toto attestation, predicates/test-result.md, version 0.1): `configuration` is the image,
/// then the kernel. One key is ours, `sojourn`: the parsing rules (v1/README.md) let producers add fields.
extension CheckResult {
    package static let type = "https://in-toto.io/attestation/test-result/v0.1"
    package static let limits = StrictJSON.Limits(bytes: 1 << 20)

    private enum CodingKeys: String, CodingKey { case result, configuration, passedTests, failedTests, sojourn }

    private struct Extension: Codable {
        let accelerator: String
        let time: Timestamp
        let version: String
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        outcome = try container.decode(Outcome.self, forKey: .result)
        passed = try container.decodeIfPresent([String].self, forKey: .passedTests) ?? []
        failed = try container.decodeIfPresent([String].self, forKey: .failedTests) ?? []
        let artifacts = try container.decode([ResourceDescriptor].self, forKey: .configuration).compactMap {
            descriptor in
            descriptor.digest.map { ImageFacts.Artifact(name: descriptor.name ?? "", digest: $0) }
        }
        guard artifacts.count == 2 else {
            throw DecodingError.dataCorruptedError(
                forKey: .configuration, in: container, debugDescription: "expected an image and a kernel by sha256")
        }
        let ours = try container.decode(Extension.self, forKey: .sojourn)
        setting = Setting(
            image: artifacts[0], kernel: artifacts[1], accelerator: ours.accelerator, time: ours.time,
            program: ours.version)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(outcome, forKey: .result)
        try container.encode(
            [ResourceDescriptor(setting.image), ResourceDescriptor(setting.kernel)], forKey: .configuration)
        try container.encode(passed, forKey: .passedTests)
        try container.encode(failed, forKey: .failedTests)
        let ours = Extension(accelerator: setting.accelerator, time: setting.time, version: setting.program)
        try container.encode(ours, forKey: .sojourn)
    }
}
