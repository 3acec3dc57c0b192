/// What a machine may reach.
package enum NetworkProfile: String, TextualValue, CaseIterable {
    /// Nothing but itself.
    case none
    /// Whatever the host reaches, by connections that the payload opens; they leave from the host's address.
    case outgoing

    package init(parsing text: String) throws {
        guard let profile = Self(rawValue: text) else {
            throw GridModelError(
                .invalidQuantity, "'\(text.prefix(40))' is no network profile: expected none or outgoing")
        }
        self = profile
    }

    package var description: String { rawValue }
}
