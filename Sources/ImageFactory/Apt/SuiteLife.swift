import GridModel

/// How long Debian's suites get security updates, long-term support included. Past that a system is as safe as it was on its
/// last day, and only a recipe that says so may build it.
enum SuiteLife {
    /// The end of long-term support, by Debian's release pages.
    private static let ends = [
        "stretch": "2022-06-30T00:00:00Z", "buster": "2024-06-30T00:00:00Z", "bullseye": "2026-08-31T00:00:00Z",
        "bookworm": "2028-06-30T00:00:00Z", "trixie": "2030-06-30T00:00:00Z",
    ]

    /// The day of its end where that has passed; nil for a suite that lives, or is not known here.
    static func end(of suite: String, before now: Timestamp) throws -> String? {
        guard let text = ends[suite], try Timestamp(parsing: text) < now else { return nil }
        return String(text.prefix(10))
    }

    /// Refuses what is past its end unless the recipe accepts it; what is to be said of it then, nil where nothing is.
    static func judge(_ choice: SuiteChoice, of recipe: RecipeText, now: Timestamp) throws -> String? {
        guard let end = try end(of: choice.suite, before: now) else { return nil }
        guard choice.acceptsEndOfLife else {
            throw ImageFactoryError(
                .endOfLife,
                "\(recipe.path): \(choice.suite) reached its end of life on \(end) and gets no security updates; take a newer "
                    + "suite, or add 'acceptEndOfLife: true' to the recipe that names it")
        }
        return "\(choice.suite) reached its end of life on \(end) and gets no security updates; its recipe accepts that"
    }
}
