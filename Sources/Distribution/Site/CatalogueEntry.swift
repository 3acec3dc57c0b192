package import GridModel
import ImageStore
import StrictJSON
package import Trust

/// What an experiment endorses: one image, or one kernel, by its manifest.
package struct CatalogueEntry: Equatable, Sendable {
    /// Of the target: `lhc/pythia8=8.317.2@debian12/HEX`.
    package let path: String
    package let digest: Digest
    /// Of the manifest.
    package let length: Int64
    /// The environment or kernel that it is endorsed as.
    package let name: String
    package let isKernel: Bool
    package let endorsed: Timestamp
    package let until: Timestamp

    /// Where a manifest is endorsed under a name.
    package static func path(of digest: Digest, as name: String, isKernel: Bool) -> String {
        isKernel ? "os/\(FileName.of(name))/\(digest.hex)" : "\(directory(of: name))/\(digest.hex)"
    }

    /// The role that answers for a name: the experiment's, or `os` for systems and kernels.
    package static func role(of name: String, isKernel: Bool) -> String {
        isKernel ? "os" : String(name.prefix { $0 != "/" })
    }

    private static func directory(of environment: String) -> String {
        let role = role(of: environment, isKernel: false)
        return "\(role)/\(FileName.of(String(environment.dropFirst(role.utf8.count + 1))))"
    }

    /// Reads a target of a role; refuses what contradicts itself.
    package init(_ path: String, _ target: TUF.Target, role: String) throws {
        func refuse(_ what: String) -> DistributionError {
            DistributionError(.refused, "the entry '\(path.prefix(200))' of the role '\(role)': \(what)")
        }
        guard let custom = try target.custom?.member("sojourn") else { throw refuse("it is no image of sojourn's") }
        if let kernel = try custom.member("kernel") {
            (name, isKernel) = (try kernel.text(), true)
            guard name.hasPrefix("kernel-"), Environment.isName(name) else { throw refuse("it names no kernel") }
        } else {
            let environment = try Environment(parsing: try custom.required("environment").text())
            (name, isKernel) = (environment.description, false)
        }
        guard let hex = target.hashes.sha256 else { throw refuse("it has no sha256") }
        digest = try Digest(parsing: "sha256:\(hex)")
        guard Self.role(of: name, isKernel: isKernel) == role,
            Self.path(of: digest, as: name, isKernel: isKernel) == path
        else { throw refuse("its path is not the one of \(name) and its digest") }
        endorsed = try Timestamp(parsing: try custom.required("endorsed").text())
        until = try Timestamp(parsing: try custom.required("until").text())
        guard 1...(4 << 20) ~= target.length else { throw refuse("a manifest of \(target.length) bytes") }
        self.path = path
        length = target.length
    }
}

/// What an experiment endorsed and took back.
package struct CatalogueWithdrawal: Sendable {
    package let digest: Digest
    package let name: String
    package let endorsed: Timestamp?
    package let withdrawn: Timestamp
    package let because: String

    /// Those that a role lists; none where its metadata was written by others.
    package static func all(of role: TUF.Targets) throws -> [CatalogueWithdrawal] {
        try role.signed.member("withdrawn")?.elements().map { item in
            let name = try item.member("environment") ?? item.required("kernel")
            return CatalogueWithdrawal(
                digest: try Digest(parsing: try item.required("digest").text()), name: try name.text(),
                endorsed: try item.member("endorsed").map { try Timestamp(parsing: try $0.text()) },
                withdrawn: try Timestamp(parsing: try item.required("withdrawn").text()),
                because: try item.required("because").text())
        } ?? []
    }
}
