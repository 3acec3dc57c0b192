package import GridModel

/// A subscription as it stands: its list, verified anew from the bytes that were served, or why there is none.
package struct FollowedList: Sendable {
    package let subscription: Subscription
    package let state: Result<AcceptedList, ImageListError>
    /// The UUIDs that no later subscription may use. A list keeps them when it has expired: they are still its images'.
    let claims: [ListedIdentifier]

    /// Verifies what is kept of `subscription`. `taken`: the images of the subscriptions before it.
    static func load(
        _ subscription: Subscription, taken: [ListedIdentifier: String], now: Timestamp, openSSL: OpenSSL
    ) -> FollowedList {
        do {
            let directory = ListDirectory(path: subscription.directory)
            // Before the list: who replaces both meanwhile shows us a newer list, not a newer state.
            let seen = try directory.seen()
            guard let served = try directory.list() else {
                throw ImageListError(
                    .noList, "no image list of '\(subscription.name)' has been accepted yet: fetch it")
            }
            let (list, signed) = try subscription.read(served, now: now, openSSL: openSSL)
            let rules = ListRules(for: subscription, previous: seen, taken: taken, now: now)
            let state = rules.judge(list, signer: signed.signer, digest: signed.digest)
            return FollowedList(
                subscription: subscription, state: state,
                claims: Self.keepsImages(state) ? list.images.map(\.identifier) : [])
        } catch let error as ImageListError {
            return FollowedList(subscription: subscription, state: .failure(error), claims: [])
        } catch {
            let wrapped = ImageListError(
                .unusableState, "the image list of '\(subscription.name)' could not be verified", underlying: error)
            return FollowedList(subscription: subscription, state: .failure(wrapped), claims: [])
        }
    }

    private static func keepsImages(_ state: Result<AcceptedList, ImageListError>) -> Bool {
        switch state {
        case .success: true
        case .failure(let error): error.code == .expired || error.code == .notYetValid
        }
    }

    /// The list, if it is valid at `now` too: a process may live longer than a list.
    package func list(now: Timestamp) -> Result<AcceptedList, ImageListError> {
        state.flatMap { accepted in
            ListRules.time(accepted.list, now, name: subscription.name).map { .failure($0) } ?? .success(accepted)
        }
    }
}

extension Subscription {
    func read(_ served: [UInt8], now: Timestamp, openSSL: OpenSSL) throws -> (ImageList, SignedList) {
        do {
            let signed = try SignedList(verifying: served, authorities: authorities, now: now, openSSL: openSSL)
            return (try ImageList(parsing: signed.payload, source: "the image list of '\(name)'"), signed)
        } catch let error as ImageListError {
            throw ImageListError(error.code, "image list '\(name)': \(error.message)", underlying: error.underlying)
        }
    }
}
