import Distribution
import GridModel
import StrictJSON
import Trust

extension FuzzTarget {
    static let tuf = [
        FuzzTarget("tuf-root", refusals: TrustError.self) { bytes in
            let root: TUF.Signed<TUF.Root> = try metadata(bytes, limit: TUF.Limit.root)
            let trusted = try TrustedMetadata(root: bytes, now: now, source: "fuzz")
            try BrokenPromise.unless(trusted.root.bytes == root.bytes, "another root is trusted than the one given")
            // Not of keys that we cannot sign with.
            do {
                let again = try TUF.NewRoot(root.content)
                _ = try TUF.Draft(again, signers: again.root.ids)
            } catch is TrustError {}
        },
        FuzzTarget("tuf-timestamp", refusals: TrustError.self) { bytes in
            let _: TUF.Signed<TUF.TimestampRole> = try metadata(bytes, limit: TUF.Limit.timestamp)
        },
        FuzzTarget("tuf-snapshot", refusals: TrustError.self) { bytes in
            let _: TUF.Signed<TUF.Snapshot> = try metadata(bytes, limit: TUF.Limit.snapshot)
        },
        FuzzTarget(
            "tuf-targets", refusals: TrustError.self, StrictJSONError.self, GridModelError.self, DistributionError.self
        ) { bytes in
            let targets: TUF.Signed<TUF.Targets> = try metadata(bytes, limit: TUF.Limit.targets)
            for (path, target) in targets.content.targets {
                for delegation in targets.content.delegations {
                    _ = delegation.covers(path)
                    _ = delegation.signers.signers(of: targets)
                }
                do { _ = try CatalogueEntry(path, target, role: "lhc") } catch is DistributionError {}
            }
            _ = try CatalogueWithdrawal.all(of: targets.content)
            _ = try TUF.Draft(try TUF.NewTargets(targets, role: "lhc"), signers: ["one"])
        },
        FuzzTarget("tuf-draft", refusals: TrustError.self) { bytes in
            let draft = try TUF.Draft(decoding: bytes, source: "fuzz")
            let again = try TUF.Draft(decoding: try draft.encoded(), source: "again")
            try BrokenPromise.unless(again.isSame(as: draft), "a draft says something else when it is written and read")
            try BrokenPromise.unless(
                again.signers == draft.signers, "a draft's signers are others when it is read again")
        },
    ]

    private static let now = Timestamp(seconds: 1_800_000_000)

    private static func metadata<Role>(_ bytes: [UInt8], limit: Int) throws -> TUF.Signed<Role> {
        let signed: TUF.Signed<Role> = try TUF.Signed(bytes, limit: limit, source: "fuzz")
        try BrokenPromise.unless(signed.bytes == bytes, "metadata is not kept verbatim")
        try BrokenPromise.unless(signed.content.version > 0, "a version of \(signed.content.version)")
        return signed
    }
}
