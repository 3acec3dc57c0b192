import GridModel
package import Policy
import StrictYAML

/// What one `config.yaml` says.
package struct ConfigurationDocument: Equatable, Sendable {
    /// Whether homes may use catalogues and image lists that the host's file does not name.
    package enum UserCatalogues: String, Codable, Sendable, CaseIterable { case allow, forbid }

    package var host = HostSettings()
    package var catalogues: [TrustedCatalogue] = []
    package var imageLists: [TrustedImageList] = []
    package var rules: RuleList
    package var userCatalogues: UserCatalogues?
    /// Where copies of the catalogues are, the nearest first.
    package var mirrors: [HTTPAddress] = []
    /// Where machines' supervisors serve blocks of images to other hosts; nil: nowhere.
    package var shareBlocks: ListeningAddress?

    static let mostMirrors = 16

    /// What a file that is not there, or holds comments only, says.
    package init(empty file: String) { rules = RuleList(file: file) }

    /// `file` appears in messages, and in what is read as its source.
    package init(parsing bytes: [UInt8], file: String) throws {
        self.init(empty: file)
        if Self.isBlank(bytes) { return }
        var reader = try YAMLReader(
            document: bytes, file: file, what: "a configuration", beginning: "processor: x86-64-v2")
        host = try HostSettings(&reader)
        catalogues = try reader.readers("catalogues") { try TrustedCatalogue(&$0) }
        imageLists = try reader.readers("image-lists") { try TrustedImageList(&$0) }
        userCatalogues = try reader.choice("user-catalogues")
        rules.rules = try reader.readers("rules") { try Rule(&$0) }
        rules.unmatched = try reader.choice("unmatched")
        rules.ownImages = try reader.choice("own-images")
        rules.newestRefused = try reader.choice("newest-refused")
        mirrors = try reader.list("mirrors", HTTPAddress.init(parsing:))
        shareBlocks = try reader.parsed("share-blocks", ListeningAddress.init(parsing:))
        try reader.finish()
        guard mirrors.count <= Self.mostMirrors else {
            throw reader.error("mirrors", "more than \(Self.mostMirrors) mirrors; name the nearest")
        }
        for (key, names) in [("catalogues", catalogues.map(\.name)), ("image-lists", imageLists.map(\.name))] {
            if let twice = names.indices.first(where: { names[..<$0].contains(names[$0]) }) {
                throw reader.error(
                    key, "'\(names[twice])' is there twice in '\(key)'; remove one, or name it otherwise")
            }
        }
    }

    private static func isBlank(_ bytes: [UInt8]) -> Bool {
        bytes.split(separator: 10).allSatisfy { line in
            let text = line.drop { $0 == 32 || $0 == 13 }
            return text.isEmpty || text.first == UInt8(ascii: "#")
        }
    }
}

extension YAMLReader {
    /// One of the words that a type knows.
    fileprivate mutating func choice<Value: RawRepresentable<String> & CaseIterable>(_ key: String) throws -> Value? {
        try parsed(key) { text in
            if let value = Value(rawValue: text) { return value }
            let known = Value.allCases.map(\.rawValue).joined(separator: " or ")
            throw ConfigurationError(.invalid, "'\(text.prefix(80))' is not known here; write \(known)")
        }
    }
}

extension Rule {
    static let longestReason = 2000

    fileprivate init(_ reader: inout YAMLReader) throws {
        let ban = try reader.parsed("ban", Subject.init(parsing:))
        let approve = try reader.parsed("approve", Subject.init(parsing:))
        let because = try reader.parsed("because", as: .quantity) { text in
            guard text.utf8.count <= Self.longestReason else {
                throw ConfigurationError(.invalid, "it is longer than \(Self.longestReason) bytes")
            }
            return text
        }
        let source = "\(reader.file):\(reader.line)"
        switch (ban, approve) {
        case (let subject?, nil): self.init(.ban, subject, because: because, source: source)
        case (nil, let subject?): self.init(.approve, subject, because: because, source: source)
        case (nil, nil):
            throw reader.error(
                nil, "a rule begins with 'ban:' or 'approve:'; write for example 'ban: package xz-utils 5.6.0'")
        case (.some, .some): throw reader.error("approve", "a rule bans or approves, not both; make two of it")
        }
    }
}
