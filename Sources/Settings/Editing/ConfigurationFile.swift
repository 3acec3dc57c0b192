import GridModel
package import ImageStore
import Linux
package import Policy
import StrictYAML

/// One `config.yaml`, which people and commands change alike: a change keeps every other line as it is.
package struct ConfigurationFile: Sendable {
    package let path: String

    private let isSystem: Bool

    package init(home: Home) { (path, isSystem) = ("\(home.path)/config.yaml", false) }

    package init(system directory: String = Configuration.systemDirectory) {
        (path, isSystem) = ("\(directory)/config.yaml", true)
    }

    /// Where there is no file, what an empty one says.
    package func read() throws -> ConfigurationDocument { try parse(try bytes()) }

    private func bytes() throws -> [UInt8] {
        try Files.isThere(path) ? try Files.read(path, limit: YAMLReader.limit) : []
    }

    private func parse(_ bytes: [UInt8]) throws -> ConfigurationDocument {
        try ConfigurationDocument(parsing: bytes, file: path)
    }

    // MARK: Changes

    /// Puts a rule before all others; one of the same action and subject gives way to it.
    package func insert(_ rule: Rule) throws {
        let because = rule.because.map { [("because", $0)] } ?? []
        try change(
            "rules", inserting: rule, as: [(rule.action.rawValue, "\(rule.subject)")] + because,
            in: \.rules.rules, line: \.source
        ) { $0.isAbout(rule) }
    }

    /// Removes the rule of that action and subject, whatever its reason.
    package func remove(_ rule: Rule) throws {
        try change("rules", removing: "'\(rule)'", where: { $0.isAbout(rule) }, in: \.rules.rules, line: \.source)
    }

    package func insert(_ catalogue: TrustedCatalogue) throws {
        try refuse(catalogue.name, among: try read().catalogues.map(\.name))
        let fields = [("name", catalogue.name), ("url", "\(catalogue.url)"), ("root", "\(catalogue.root)")]
        try change("catalogues", inserting: catalogue, as: fields, in: \.catalogues, line: \.source)
    }

    package func remove(catalogue name: String) throws {
        try change("catalogues", removing: "'\(name)'", where: { $0.name == name }, in: \.catalogues, line: \.source)
    }

    package func insert(_ list: TrustedImageList) throws {
        try refuse(list.name, among: try read().imageLists.map(\.name))
        let fields =
            [
                ("name", list.name), ("url", "\(list.url)"), ("identifier", list.identifier),
                ("authorities", list.authorities),
            ] + [list.endorser.map { ("endorser", $0) }, list.issuer.map { ("issuer", $0) }].compactMap { $0 }
        try change("image-lists", inserting: list, as: fields, in: \.imageLists, line: \.source)
    }

    package func remove(imageList name: String) throws {
        try change("image-lists", removing: "'\(name)'", where: { $0.name == name }, in: \.imageLists, line: \.source)
    }

    private func refuse(_ name: String, among names: [String]) throws {
        guard names.contains(name) else { return }
        throw ConfigurationError(
            .alreadyThere, "\(path) has '\(name)' already; remove that first, or give another name")
    }

    // MARK: How

    private func change<Item: Equatable>(
        _ key: String, inserting item: Item, as fields: [(String, String)],
        in list: WritableKeyPath<ConfigurationDocument, [Item]>, line: WritableKeyPath<Item, String>,
        replacing isReplaced: (Item) -> Bool = { _ in false }
    ) throws {
        let fields = fields.map { (key: $0.0, value: $0.1) }
        let advice =
            "add these lines by hand, as the first entry:\n"
            + (["\(key):"] + ConfigurationText.lines(of: fields, indentation: "  ")).joined(separator: "\n")
        try edit(key, list, line, advice: advice) { text, items in
            let old = items.filter(isReplaced)
            let lines = old.compactMap { Self.line(of: $0[keyPath: line]) }
            guard text.remove(beginningIn: lines, from: key, leavesNone: !old.isEmpty && old.count == items.count),
                text.insert(fields, into: key)
            else { return false }
            items.removeAll(where: isReplaced)
            items.insert(item, at: 0)
            return true
        }
    }

    private func change<Item: Equatable>(
        _ key: String, removing name: String, where isMeant: (Item) -> Bool,
        in list: WritableKeyPath<ConfigurationDocument, [Item]>, line: WritableKeyPath<Item, String>
    ) throws {
        try edit(key, list, line, advice: "remove \(name) from it by hand") { text, items in
            let meant = items.filter(isMeant)
            guard !meant.isEmpty else {
                throw ConfigurationError(.notFound, "there is no \(name) among the \(key) of \(path)")
            }
            let lines = meant.compactMap { Self.line(of: $0[keyPath: line]) }
            guard text.remove(beginningIn: lines, from: key, leavesNone: meant.count == items.count) else {
                return false
            }
            items.removeAll(where: isMeant)
            return true
        }
    }

    /// Changes the text and the values alike, and writes the text if it then says just that.
    private func edit<Item: Equatable>(
        _ key: String, _ list: WritableKeyPath<ConfigurationDocument, [Item]>, _ line: WritableKeyPath<Item, String>,
        advice: String, _ body: (inout ConfigurationText, inout [Item]) throws -> Bool
    ) throws {
        let directory = Files.parent(of: path)
        try Files.makeDirectories(directory)
        let lock = try FileLock.wait("\(directory)/.config.yaml.lock")
        try withExtendedLifetime(lock) {
            let old = try bytes()
            var wanted = try parse(old)
            var text = ConfigurationText(String(decoding: old, as: UTF8.self))
            let refusal = ConfigurationError(
                .notEditable,
                "\(path): '\(key)' is not written as one '- ' line for each entry, so nothing was changed; \(advice)")
            guard try body(&text, &wanted[keyPath: list]) else { throw refusal }
            let new = Array(text.text.utf8)
            let found: ConfigurationDocument
            do { found = try parse(new) } catch {
                throw ConfigurationError(.notEditable, refusal.message, underlying: error)
            }
            guard found.withoutSources == wanted.withoutSources else { throw refusal }
            try write(new)
            if isSystem { try Files.letAllRead([directory, path]) }
        }
    }

    /// Where the file is a link, what it names; with the mode that it has.
    private func write(_ bytes: [UInt8]) throws {
        let target = Files.canonical(path) ?? path
        let mode = try FileStatus.ifPresent(target).map { UInt32($0.mode) & 0o777 } ?? 0o644
        try Files.write(bytes, to: target, mode: mode)
    }

    /// Of `FILE:LINE`.
    private static func line(of source: String) -> Int? {
        source.lastIndex(of: ":").flatMap { Int(source[source.index(after: $0)...]) }
    }
}

extension Rule {
    /// Whether both say the same of the same, whatever their reasons.
    fileprivate func isAbout(_ other: Rule) -> Bool { action == other.action && subject == other.subject }
}

extension ConfigurationDocument {
    /// Lines move when others come and go.
    fileprivate var withoutSources: ConfigurationDocument {
        var copy = self
        for index in copy.rules.rules.indices { copy.rules.rules[index].source = "" }
        for index in copy.catalogues.indices { copy.catalogues[index].source = "" }
        for index in copy.imageLists.indices { copy.imageLists[index].source = "" }
        return copy
    }
}
