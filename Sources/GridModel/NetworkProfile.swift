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

    // Written out: the compiler would make a form of its own for an enumeration.
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
