package import GridModel

/// All lists that a site follows, in the order of their subscription.
package struct FollowedLists: Sendable {
    package let lists: [FollowedList]

    /// Verifies every list anew, signature included. Where two lists have the same image UUID, the later is refused.
    package init(loading subscriptions: [Subscription], now: Timestamp, openSSL: OpenSSL = OpenSSL()) {
        var taken: [ListedIdentifier: String] = [:]
        lists = subscriptions.map { subscription in
            let loaded = FollowedList.load(subscription, taken: taken, now: now, openSSL: openSSL)
            for identifier in loaded.claims { taken[identifier] = subscription.name }
            return loaded
        }
    }

    private var taken: [ListedIdentifier: String] {
        lists.reduce(into: [:]) { taken, list in
            for identifier in list.claims { taken[identifier] = list.subscription.name }
        }
    }

    /// An image that a valid list has, and which list that is.
    package struct Endorsement: Sendable {
        package let image: ListedImage
        package let list: AcceptedList
        package let subscription: String
    }

    /// The endorsement of an image by what it is, or why there is none now.
    package func image(sha512: ImageChecksum, now: Timestamp) -> Result<Endorsement, ImageListError> {
        find("with sha512 \(sha512.description.prefix(12))...", now: now) { $0.checksum == sha512 }
    }

    /// The endorsement of an image by its UUID, or why there is none now.
    package func image(identifier: ListedIdentifier, now: Timestamp) -> Result<Endorsement, ImageListError> {
        find(identifier.description, now: now) { $0.identifier == identifier }
    }

    private func find(
        _ name: String, now: Timestamp, where matches: (ListedImage) -> Bool
    ) -> Result<Endorsement, ImageListError> {
        var reasons: [String] = []
        for followed in lists {
            switch followed.list(now: now) {
            case .success(let accepted):
                if let image = accepted.list.images.first(where: matches) {
                    return .success(
                        Endorsement(image: image, list: accepted, subscription: followed.subscription.name))
                }
            case .failure(let error): reasons.append("\(error)")
            }
        }
        let others = reasons.isEmpty ? "" : "; lists that endorse nothing now: " + reasons.joined(separator: "; ")
        return .failure(
            ImageListError(.notEndorsed, "the image \(name) is in none of the valid image lists followed here\(others)")
        )
    }
}

// MARK: - Accepting a list

extension FollowedLists {
    /// Takes a served list for one of `subscriptions`, which are in the order of their subscription, and keeps it in
    /// place of the last one. A list that is refused changes nothing.
    @discardableResult
    package static func accept(
        _ served: [UInt8], for name: String, of subscriptions: [Subscription], now: Timestamp,
        openSSL: OpenSSL = OpenSSL()
    ) throws -> AcceptedList {
        guard let index = subscriptions.firstIndex(where: { $0.name == name }) else {
            throw ImageListError(.noList, "no image list is subscribed under the name '\(name)'")
        }
        let subscription = subscriptions[index]
        let before = FollowedLists(loading: Array(subscriptions[..<index]), now: now, openSSL: openSSL)
        let directory = ListDirectory(path: subscription.directory)
        let lock = try directory.lock()
        return try withExtendedLifetime(lock) {
            let (list, signed) = try subscription.read(served, now: now, openSSL: openSSL)
            let previous = try subscription.highestSeen(directory, now: now, openSSL: openSSL)
            let rules = ListRules(for: subscription, previous: previous, taken: before.taken, now: now)
            let accepted = try rules.judge(list, signer: signed.signer, digest: signed.digest).get()
            let isNew = previous?.version != list.version
            let time = isNew ? now : previous?.accepted ?? now
            try directory.keep(
                served, SeenVersion(version: list.version, digest: signed.digest, accepted: time))
            return accepted
        }
    }
}

extension Subscription {
    /// The state's version or that of the list beside it: with one of them put back, the other still tells.
    fileprivate func highestSeen(_ directory: ListDirectory, now: Timestamp, openSSL: OpenSSL) throws -> SeenVersion? {
        let seen = try directory.seen()
        guard let served = try directory.list() else { return seen }
        let (list, signed): (ImageList, SignedList)
        do { (list, signed) = try read(served, now: now, openSSL: openSSL) } catch is ImageListError {
            // Nobody vouches for these bytes any more: an expired certificate, or somebody's own work.
            return seen
        }
        guard list.identifier == identifier, list.endorser == signed.signer else { return seen }
        if let seen, list.version <= seen.version { return seen }
        // When it was accepted was known to the lost state; not before its creation.
        return SeenVersion(version: list.version, digest: signed.digest, accepted: list.created)
    }
}
