package import Crypto
import GridModel
package import StrictJSON

extension TUF {
    /// What a role answers for, and to whom it delegates.
    package struct Targets: Content {
        package static let type = "targets"
        package let header: Header
        /// By path.
        package let targets: [String: Target]
        /// In the order in which they are asked.
        package let delegations: [Delegation]
        /// All of it, for fields that are not TUF's.
        package let signed: JSONElement

        package init(_ signed: JSONElement) throws {
            header = try Header(signed)
            self.signed = signed
            var targets: [String: Target] = [:]
            let members = try signed.required("targets").members()
            targets.reserveCapacity(members.count)
            for member in members { targets[member.key] = try Target(member.value) }
            self.targets = targets
            delegations = try signed.member("delegations").map { try Delegation.list($0) } ?? []
        }
    }

    /// A file that a role answers for.
    package struct Target: Sendable {
        package let length: Int64
        package let hashes: FileHashes
        package let custom: JSONElement?

        init(_ element: JSONElement) throws {
            length = try TUF.length(try element.required("length"))
            hashes = try FileHashes(try element.required("hashes"))
            custom = try element.member("custom")
        }
    }

    /// Hexadecimal, by algorithm; at least one that is known here.
    package struct FileHashes: Sendable {
        package let sha256: String?
        private let sha512: String?

        init(_ element: JSONElement) throws {
            sha256 = try Self.digits(element.member("sha256"), count: 64)
            sha512 = try Self.digits(element.member("sha512"), count: 128)
            guard sha256 != nil || sha512 != nil else { throw element.refusal("expected a sha256 or a sha512") }
        }

        private static func digits(_ element: JSONElement?, count: Int) throws -> String? {
            guard let element else { return nil }
            let text = try element.text()
            guard text.utf8.count == count, text.utf8.allSatisfy(Hexadecimal.isDigit) else {
                throw element.refusal("expected \(count) hexadecimal digits")
            }
            return text.utf8.contains { $0 < UInt8(ascii: "a") && $0 > UInt8(ascii: "9") } ? text.lowercased() : text
        }

        /// The one that stands in the name of a served file: every one may, and all must lead to it.
        package var names: [String] { [sha256, sha512].compactMap { $0 } }

        func areOf(_ bytes: [UInt8]) -> Bool {
            (sha256 == nil || sha256 == Hexadecimal.text(SHA256.hash(data: bytes)))
                && (sha512 == nil || sha512 == Hexadecimal.text(SHA512.hash(data: bytes)))
        }

        /// True where these are all that is said here.
        package func match(sha256 found256: SHA256.Digest, sha512 found512: SHA512.Digest) -> Bool {
            (sha256 == nil || sha256 == Hexadecimal.text(found256))
                && (sha512 == nil || sha512 == Hexadecimal.text(found512))
        }
    }

    /// A role that another one appoints for some paths.
    package struct Delegation: Sendable {
        package let name: String
        package let signers: Signers
        /// No role after it is asked for its paths.
        package let isTerminating: Bool
        /// How many others must have rebuilt what it endorses, before its publisher publishes that.
        package let requiredRebuilds: Int
        private let paths: [PathPattern]
        private let hashPrefixes: [String]

        static func list(_ element: JSONElement) throws -> [Delegation] {
            guard try element.member("succinct_roles") == nil else {
                throw element.refusal("succinct roles (TAP 15), which this program does not follow")
            }
            let keys = try TUF.keys(try element.required("keys"))
            let roles = try element.required("roles")
            let delegations = try roles.elements().map { try Delegation($0, keys) }
            guard delegations.count <= 4096 else { throw roles.refusal("more than 4096 delegations") }
            guard Set(delegations.map(\.name)).count == delegations.count else {
                throw roles.refusal("one role is there twice")
            }
            return delegations
        }

        private init(_ element: JSONElement, _ keys: [String: Key]) throws {
            let named = try element.required("name")
            name = try named.text()
            guard !name.isEmpty, !["root", "timestamp", "snapshot", "targets"].contains(name) else {
                throw named.refusal("a delegated role has a name, and none of the top-level roles'")
            }
            signers = try Signers(element, among: keys)
            isTerminating = try element.required("terminating").bool()
            requiredRebuilds = try Rebuilds.required(element)
            let paths = try element.member("paths")
            let prefixes = try element.member("path_hash_prefixes")
            guard (paths == nil) != (prefixes == nil) else {
                throw element.refusal("expected either 'paths' or 'path_hash_prefixes'")
            }
            self.paths = try paths?.elements().map { PathPattern(try $0.text()) } ?? []
            hashPrefixes = try prefixes?.elements().map { try $0.text() } ?? []
        }

        /// True where the role may answer for a target of this path.
        package func covers(_ path: String) -> Bool {
            if paths.contains(where: { $0.matches(path) }) { return true }
            guard !hashPrefixes.isEmpty else { return false }
            let hash = Hexadecimal.text(SHA256.hash(data: Array(path.utf8)))
            return hashPrefixes.contains { hash.hasPrefix($0) }
        }
    }
}

/// A path with `*`, `?` and `[…]` as shells know them, which stand for nothing across a `/` (TUF, "PATHPATTERN").
///
/// In code points: a `Character` may swallow a slash or a star together with the combining mark after it.
struct PathPattern: Sendable {
    private let parts: [[Unicode.Scalar]]

    init(_ text: String) { parts = Self.split(text) }

    private static func split(_ text: String) -> [[Unicode.Scalar]] {
        text.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false).map(Array.init)
    }

    func matches(_ path: String) -> Bool {
        let names = Self.split(path)
        return names.count == parts.count && zip(parts, names).allSatisfy { Self.matches($0[...], $1[...]) }
    }

    private static func matches(_ pattern: ArraySlice<Unicode.Scalar>, _ name: ArraySlice<Unicode.Scalar>) -> Bool {
        var (pattern, name) = (pattern, name)
        // Where the last star was, and what it stood for: without recursion, a pattern cannot cost exponential time.
        var star: (pattern: ArraySlice<Unicode.Scalar>, name: ArraySlice<Unicode.Scalar>)?
        while true {
            if pattern.first == "*" {
                pattern.removeFirst()
                star = (pattern, name)
            } else if let character = name.first, let rest = rest(of: pattern, after: character) {
                pattern = rest
                name.removeFirst()
            } else if name.isEmpty && pattern.isEmpty {
                return true
            } else if let (after, from) = star, !from.isEmpty {
                star = (after, from.dropFirst())
                (pattern, name) = (after, from.dropFirst())
            } else {
                return false
            }
        }
    }

    /// The pattern after its first element, where that fits a character.
    private static func rest(of pattern: ArraySlice<Unicode.Scalar>, after character: Unicode.Scalar) -> ArraySlice<
        Unicode.Scalar
    >? {
        guard let first = pattern.first else { return nil }
        if first == "[", let (fits, rest) = set(pattern.dropFirst(), character) { return fits ? rest : nil }
        return first == "?" || first == character ? pattern.dropFirst() : nil
    }

    /// `[abc]`, `[a-z]`, `[!…]`; nil where the bracket is never closed, which then stands for itself.
    private static func set(_ body: ArraySlice<Unicode.Scalar>, _ character: Unicode.Scalar) -> (
        Bool, ArraySlice<Unicode.Scalar>
    )? {
        var rest = body
        let isNegated = rest.first == "!"
        if isNegated { rest.removeFirst() }
        guard let close = rest.dropFirst().firstIndex(of: "]") else { return nil }
        var members = rest[..<close]
        var isThere = false
        while let low = members.popFirst() {
            if members.first == "-", let high = members.dropFirst().first {
                members = members.dropFirst(2)
                isThere = isThere || low <= character && character <= high
            } else {
                isThere = isThere || low == character
            }
        }
        return (isThere != isNegated, rest[rest.index(after: close)...])
    }
}
