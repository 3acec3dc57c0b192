import GridModel
package import ImageStore
import Linux
package import Policy
import StrictYAML

extension Advisory {
    /// Of a file; `file` appears in messages, and in what is read as its source.
    package init(parsing bytes: [UInt8], file: String) throws {
        var reader = try YAMLReader(
            document: bytes, file: file, what: "an advisory", beginning: "id: DSA-5649-1")
        let id = try reader.parsed("id", as: .quantity, Self.identifier)
        let package = try reader.required("package", example: "xz-utils")
        let ecosystem = try reader.parsed("ecosystem") { text in
            if let known = Ecosystem(rawValue: text) { return known }
            throw ConfigurationError(
                .invalid, "'\(text.prefix(80))' is not known here; write deb, pypi, rpm or apk")
        }
        let fixed = try reader.string("fixed", as: .quantity)
        let severity = try reader.parsed("severity", Self.severity)
        let deadline = try reader.parsed("deadline", Self.deadline)
        let summary = try reader.string("summary", as: .quantity)
        try reader.finish()
        guard let id else { throw reader.error(nil, "the key 'id' is missing; add for example 'id: DSA-5649-1'") }
        guard let fixed else {
            throw reader.error(
                nil, "the key 'fixed' is missing; add the first version without the fault: 'fixed: 5.6.2-1'")
        }
        do {
            try self.init(
                id: id, package: package, ecosystem: ecosystem ?? .deb, fixed: fixed, severity: severity,
                deadline: deadline, summary: summary, source: file)
        } catch let error as PolicyError {
            throw reader.error(error.code == .invalidVersion ? "fixed" : "package", "\(error)")
        }
    }

    /// A name of a file too.
    private static func identifier(_ text: String) throws -> String {
        guard Environment.isName(text) else {
            throw ConfigurationError(
                .invalid,
                "'\(text.prefix(80))' is no id of an advisory: expected letters, digits and ._+-, at most 64, a letter or "
                    + "digit first")
        }
        return text
    }

    private static func severity(_ text: String) throws -> Severity {
        let word = text.lowercased()
        // Trackers use both words.
        if word == "moderate" { return .medium }
        if let known = Severity(rawValue: word) { return known }
        throw ConfigurationError(
            .invalid, "'\(text.prefix(80))' is not known here; write low, medium, high or critical")
    }

    /// A day means its beginning in UTC.
    private static func deadline(_ text: String) throws -> Timestamp {
        try Timestamp(parsing: text.utf8.count == 10 ? "\(text)T00:00:00Z" : text)
    }
}

/// The advisories of a host or a home: `advisories/*.yaml`.
package struct AdvisoryDirectory: Sendable {
    package let path: String
    private let isSystem: Bool

    static let mostFiles = 10_000

    package init(system: String = Configuration.systemDirectory) { (path, isSystem) = ("\(system)/advisories", true) }

    package init(home: Home) { (path, isSystem) = ("\(home.path)/advisories", false) }

    /// Sorted by their files' names. One that cannot be read is an error: it may be the one that matters.
    package func all() throws -> [Advisory] {
        guard try Files.isThere(path) else { return [] }
        let names = try Files.list(path).filter { $0.hasSuffix(".yaml") && !$0.hasPrefix(".") }
        guard names.count <= Self.mostFiles else {
            throw ConfigurationError(
                .invalid, "\(path) holds \(names.count) advisories, at most \(Self.mostFiles) are read; remove old ones"
            )
        }
        return try names.map { name in
            let file = "\(path)/\(name)"
            return try Advisory(parsing: try Files.read(file, limit: YAMLReader.limit), file: file)
        }
    }

    /// Keeps an advisory's file as it is under its id, in place of an older one of that id; returns what it says.
    @discardableResult
    package func keep(_ bytes: [UInt8], from file: String) throws -> Advisory {
        let advisory = try Advisory(parsing: bytes, file: file)
        let target = "\(path)/\(advisory.id).yaml"
        try Files.makeDirectories(path, mode: 0o755)
        try Files.write(bytes, to: target)
        if isSystem { try Files.letAllRead(["\(path)/..", path, target]) }
        return try Advisory(parsing: bytes, file: target)
    }

    package func remove(_ id: String) throws {
        guard try all().contains(where: { $0.source == "\(path)/\(id).yaml" }) else {
            throw ConfigurationError(.notFound, "there is no advisory \(id.prefix(80)) in \(path)")
        }
        try Files.remove("\(path)/\(id).yaml")
    }
}
