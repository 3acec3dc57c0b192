import GridModel
package import ImageLists
package import ImageStore
import Policy
package import Settings

/// What the image lists that a site follows say of an image.
struct ImageListFacts: Sendable {
    private let lists: FollowedLists
    private let now: Timestamp

    init(_ sources: [TrustedImageList], home: Home, now: Timestamp) throws {
        lists = FollowedLists(loading: try sources.map { try Subscription($0, home: home) }, now: now)
        self.now = now
    }

    /// An image of ours is meant by the sha512 of its manifest.
    func endorsements(ofManifest manifest: [UInt8]) -> [EndorsementFact] {
        guard !lists.lists.isEmpty else { return [] }
        guard case .success(let found) = lists.image(sha512: ImageChecksum(of: manifest), now: now) else { return [] }
        let list = found.list.list
        return [
            EndorsementFact(
                catalogue: found.subscription, experiment: found.subscription, name: nil, endorsed: list.created,
                until: list.expires,
                endorsers: [EndorserFact(key: list.endorser.subject.description, name: list.endorserName)],
                threshold: 1, expires: list.expires)
        ]
    }
}

extension Subscription {
    /// Of a home.
    package init(_ source: TrustedImageList, home: Home) throws {
        var signer: Signer?
        if let endorser = source.endorser, let issuer = source.issuer {
            signer = Signer(subject: try GridName(parsing: endorser), issuer: try GridName(parsing: issuer))
        }
        self.init(
            name: source.name, identifier: try ListedIdentifier(parsing: source.identifier),
            authorities: source.authorities, endorser: signer, directory: "\(home.path)/image-lists/\(source.name)")
    }
}
