package import GridModel

/// The last version of a list that was accepted.
package struct SeenVersion: Codable, Equatable, Sendable {
    package let version: ListVersion
    /// The payload's.
    package let digest: Digest
    /// When it was accepted first.
    package let accepted: Timestamp

    package init(version: ListVersion, digest: Digest, accepted: Timestamp) {
        self.version = version
        self.digest = digest
        self.accepted = accepted
    }
}

/// A list that every rule allows at a time.
package struct AcceptedList: Sendable {
    package let list: ImageList
    package let signer: Signer
    package let digest: Digest

    fileprivate init(list: ImageList, signer: Signer, digest: Digest) {
        self.list = list
        self.signer = signer
        self.digest = digest
    }
}

/// When a list whose signature holds is valid: HEPiX's rules, and nothing that is read or written.
package struct ListRules: Sendable {
    package let subscription: Subscription
    package let previous: SeenVersion?
    /// The images of the subscriptions before this one, with these subscriptions' names: theirs they stay.
    package let taken: [ListedIdentifier: String]
    package let now: Timestamp

    package init(
        for subscription: Subscription, previous: SeenVersion?, taken: [ListedIdentifier: String], now: Timestamp
    ) {
        self.subscription = subscription
        self.previous = previous
        self.taken = taken
        self.now = now
    }

    /// The accepted list, or the first rule that it breaks. Times come last: a list that is refused for its time only
    /// breaks no other rule.
    package func judge(_ list: ImageList, signer: Signer, digest: Digest) -> Result<AcceptedList, ImageListError> {
        let refusal =
            identity(list, signer) ?? age(list, digest) ?? images(list) ?? Self.time(list, now, name: subscription.name)
        if let refusal { return .failure(refusal) }
        return .success(AcceptedList(list: list, signer: signer, digest: digest))
    }

    private func identity(_ list: ImageList, _ signer: Signer) -> ImageListError? {
        let name = subscription.name
        if list.identifier != subscription.identifier {
            return ImageListError(
                .wrongIdentifier,
                "the image list of '\(name)' has the identifier \(list.identifier), subscribed is "
                    + "\(subscription.identifier); it is another list: correct the address or the identifier")
        }
        if list.endorser != signer {
            return ImageListError(
                .wrongEndorser,
                "the image list of '\(name)' names the endorser \(list.endorser), but was signed by \(signer)")
        }
        if let endorser = subscription.endorser, endorser != signer {
            return ImageListError(
                .wrongEndorser,
                "the image list of '\(name)' was signed by \(signer), but the subscription wants \(endorser); "
                    + "if the list has a new endorser, name him in the subscription")
        }
        return nil
    }

    private func age(_ list: ImageList, _ digest: Digest) -> ImageListError? {
        guard let previous else { return nil }
        if list.version < previous.version {
            return ImageListError(
                .olderVersion,
                "the image list of '\(subscription.name)' has version \(list.version), but version \(previous.version) "
                    + "was accepted on \(previous.accepted); somebody serves an old list, or put one back")
        }
        if list.version == previous.version && digest != previous.digest {
            return ImageListError(
                .changedContent,
                "the image list of '\(subscription.name)' has version \(list.version) as the one accepted on "
                    + "\(previous.accepted), but other content; a changed list needs a higher version")
        }
        return nil
    }

    private func images(_ list: ImageList) -> ImageListError? {
        for image in list.images {
            guard let owner = taken[image.identifier] else { continue }
            return ImageListError(
                .duplicateImage,
                "the image list of '\(subscription.name)' has the image \(image.identifier), which is one of '\(owner)', "
                    + "subscribed before; one of the two takes the other's name: ask both endorsers")
        }
        return nil
    }

    static func time(_ list: ImageList, _ now: Timestamp, name: String) -> ImageListError? {
        if list.created > now {
            return ImageListError(
                .notYetValid,
                "the image list of '\(name)' was created on \(list.created), later than now, \(now); "
                    + "if that is not the time, set this host's clock")
        }
        if now > list.expires {
            return ImageListError(
                .expired,
                "the image list of '\(name)' expired on \(list.expires), now is \(now); fetch a newer one, "
                    + "or ask its endorser for one")
        }
        return nil
    }
}
