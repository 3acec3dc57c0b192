/// The variables that a payload sees.
package enum PayloadEnvironment {
    /// Of the caller's, these name things of the caller's own system.
    private static func belongsToHost(_ name: Substring) -> Bool { name == "PATH" || name.hasPrefix("LD_") }

    /// The caller's variables (none where `isClean`), under what the image sets, under what was asked for; `own` are told
    /// to every payload. All as `K=V`.
    package static func compose(
        caller: [String], image: [String], asked: [String], own: [String], isClean: Bool
    ) -> [String] {
        let inherited = (isClean ? [] : caller).filter { !belongsToHost(name($0)) && !name($0).hasPrefix("SOJOURN_") }
        var values: [Substring: String] = [:]
        for entry in inherited + image + own + asked { values[name(entry)] = entry }
        return values.values.sorted()
    }

    private static func name(_ entry: String) -> Substring { entry.prefix { $0 != "=" } }
}
