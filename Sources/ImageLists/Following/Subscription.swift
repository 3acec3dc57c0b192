import GridModel

/// A list that this site follows, and where it keeps what it knows of it.
package struct Subscription: Sendable {
    /// The site's own name for it.
    package let name: String
    /// The list's `dc:identifier`.
    package let identifier: ListedIdentifier
    /// An absolute path of CA certificates and CRLs under hashed names.
    package let authorities: String
    /// The only endorser that is taken. Where it is nil, whoever has a certificate of one of the `authorities` can sign
    /// a list in his own name, if he can also make us fetch it.
    package let endorser: Signer?
    /// This subscription's own directory; made at the first acceptance.
    package let directory: String

    package init(
        name: String, identifier: ListedIdentifier, authorities: String, endorser: Signer? = nil, directory: String
    ) {
        self.name = name
        self.identifier = identifier
        self.authorities = authorities
        self.endorser = endorser
        self.directory = directory
    }
}
