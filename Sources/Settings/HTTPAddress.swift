import GridModel

/// Where files are served: `http://HOST[:PORT]/PATH` or `https://…`, without a user, a query or a fragment.
package struct HTTPAddress: TextualValue {
    /// As it was given.
    package let description: String

    package init(parsing text: String) throws {
        func refuse(_ what: String) -> ConfigurationError {
            ConfigurationError(
                .invalid,
                "'\(text.prefix(200))' is no address: \(what); expected for example http://images.example.org/catalogue"
            )
        }
        guard text.utf8.count <= 2000 else { throw refuse("it is longer than 2000 bytes") }
        guard let scheme = ["http://", "https://"].first(where: { text.hasPrefix($0) }) else {
            throw refuse("it begins with neither http:// nor https://")
        }
        guard text.utf8.allSatisfy({ $0 > 32 && $0 < 127 && !"\"'<>\\^`{|}".utf8.contains($0) }) else {
            throw refuse("it has blanks, quotes or other characters that are to be written as %XX")
        }
        guard !text.contains("?"), !text.contains("#") else { throw refuse("it has a query or a fragment") }
        let host = text.dropFirst(scheme.count).prefix { $0 != "/" }
        guard !host.isEmpty, !host.hasPrefix(":") else { throw refuse("it names no host") }
        guard !host.contains("@") else { throw refuse("it has a user's name before '@'") }
        let path = text.dropFirst(scheme.count + host.count)
        guard !path.split(separator: "/").contains(where: { $0 == ".." || $0 == "." }) else {
            throw refuse("its path has '.' or '..'")
        }
        description = text
    }
}
