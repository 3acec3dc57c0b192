import Attestation
import Trust

@testable import Registry

extension FuzzTarget {
    static let registries = [
        FuzzTarget("registry-reference", refusals: RegistryError.self) { bytes in
            let reference = try RegistryReference(parsing: String(decoding: bytes, as: UTF8.self))
            try BrokenPromise.unless(
                try RegistryReference(parsing: reference.description) == reference,
                "'\(reference)' is another when it is written and read")
            try BrokenPromise.unless(
                reference.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } && !reference.name.hasPrefix("-"),
                "'\(reference)' is no word for a command line")
        },
        FuzzTarget("registry-challenge", refusals: RegistryError.self) { bytes in
            guard let challenge = Challenge(parsing: String(decoding: bytes, as: UTF8.self)) else {
                throw RegistryError(.refused, "no challenge")
            }
            let isPrintable = challenge.parameters.values.allSatisfy {
                $0.utf8.allSatisfy { (0x20..<0x7f).contains($0) }
            }
            try BrokenPromise.unless(isPrintable, "a challenge with control characters was read")
        },
        FuzzTarget("rebuild-statement", refusals: AttestationError.self, TrustError.self) { bytes in
            let statement = try RebuildStatement(decoding: bytes, source: "statement")
            try BrokenPromise.unless(
                statement.rebuild.identical && statement.bytes == bytes, "a statement that says something else was read"
            )
        },
    ]
}
