import GridModel
import ImageFormat

extension PythonRequirement {
    /// A line of a requirements file (pip, "Requirements File Format"): a name, extras and versions (PEP 508, PEP 440),
    /// then hashes. Addresses, markers, paths and options are refused: what they mean differs from host to host.
    package init(parsing line: String) throws {
        guard line.utf8.allSatisfy({ (32...126).contains($0) }), line.utf8.count <= 1 << 16 else {
            throw Self.refusal(
                line, "has characters other than plain ASCII, or several lines; write one entry for each")
        }
        let words = line.split(separator: " ")
        let hashes = words.drop { !$0.hasPrefix("-") }
        let text = words.prefix(words.count - hashes.count).joined(separator: " ")
        digests = try hashes.map { word in
            guard word.hasPrefix("--hash=") else {
                throw Self.refusal(
                    line, "has '\(word.prefix(60))'; only --hash=sha256:… may follow, options belong to the host's pip")
            }
            do { return try Digest(parsing: String(word.dropFirst(7))) } catch {
                throw Self.refusal(line, "has a hash that is not sha256: and 64 digits 0-9a-f: '\(word.prefix(100))'")
            }
        }
        var rest = text[...]
        let name = rest.next { $0.isNamePart }
        guard name.isName else { throw Self.refusal(line, Self.reason(text)) }
        let extras = try rest.extras(of: line)
        let clauses = rest.isEmpty ? [] : rest.split(separator: ",", omittingEmptySubsequences: false)
        specifier =
            name + (extras.isEmpty ? "" : "[\(extras.joined(separator: ","))]")
            + (try clauses.map { try Self.clause($0, of: line, text) }.joined(separator: ","))
        // pip's hash-checking mode takes nothing else.
        guard digests.isEmpty || isPinned else {
            throw Self.refusal(line, "has a hash but not one version; write \(name)==VERSION")
        }
    }

    /// The package's normalised name (PEP 503): `Foo._bar` is `foo-bar`.
    package var name: String {
        PythonName.normalised(specifier.prefix { $0.isNamePart })
    }

    /// True where exactly one version will do.
    package var isPinned: Bool {
        let versions = specifier.drop { $0 != "=" && $0 != "<" && $0 != ">" && $0 != "!" && $0 != "~" }
        return versions.hasPrefix("==") && !versions.contains(",") && !versions.hasSuffix(".*")
    }

    /// Refuses what pip refuses of the lines together.
    static func checkTogether(_ requirements: [PythonRequirement]) throws {
        if let hashed = requirements.first(where: { !$0.digests.isEmpty }),
            let bare = requirements.first(where: { $0.digests.isEmpty })
        {
            throw ImageFactoryError(
                .invalidRecipe,
                "'\(hashed.specifier)' has a hash and '\(bare.specifier)' has none; give every line one, lines for "
                    + "what they depend on too, or none at all")
        }
        var seen: Set<String> = []
        for requirement in requirements where !seen.insert(requirement.name).inserted {
            throw ImageFactoryError(
                .invalidRecipe, "'\(requirement.name)' is required twice; write one line with all versions: >=1,<2")
        }
    }

    private static func refusal(_ line: String, _ reason: String) -> ImageFactoryError {
        ImageFactoryError(.invalidRecipe, "'\(line.prefix(100))' \(reason)")
    }

    private static func clause(_ text: Substring, of line: String, _ whole: String) throws -> String {
        let text = text.trimmed
        guard let comparison = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"].first(where: text.hasPrefix) else {
            throw refusal(line, reason(whole))
        }
        let version = text.dropFirst(comparison.count).trimmed
        let isSound =
            switch comparison {
            case "===": !version.isEmpty && version.allSatisfy { $0.isNamePart || $0 == "+" || $0 == "!" }
            case "==", "!=":
                version.isVersion || version.hasSuffix(".*") && version.dropLast(2).isVersion && !version.contains("+")
            // At least two numbers: the last one may grow.
            case "~=": version.isVersion && version.firstMatch(of: /[0-9]\.[0-9]/) != nil && !version.contains("+")
            default: version.isVersion && !version.contains("+")
            }
        guard isSound else {
            throw refusal(
                line, "has '\(text)', which compares with no version (PEP 440); write for example ==1.2.3 or >=1.2")
        }
        return comparison + version
    }

    /// Why a line is none, as far as can be guessed.
    private static func reason(_ text: String) -> String {
        if text.contains("://") || text.contains("@") {
            return
                "is an address; what lies there may change: name a package of the index, or bring files by 'snapshot'"
        }
        if text.contains(";") { return "has a marker after ';'; a recipe is for one system: leave it out" }
        if text.contains("#") { return "has a comment within quotes; write comments outside of them" }
        if text.contains("/") || text.hasPrefix(".") {
            return "is a path; name a package of the index, or bring files by 'files' or 'snapshot'"
        }
        if text.isEmpty { return "names no package; write for example numpy==2.1.3" }
        return "is no requirement; write NAME, NAME==VERSION or NAME[EXTRA]>=VERSION,<VERSION"
    }
}

extension Substring {
    fileprivate mutating func next(while isPart: (Character) -> Bool) -> String {
        let part = prefix(while: isPart)
        self = dropFirst(part.count).drop { $0 == " " }
        return String(part)
    }

    /// Takes `[one,two]` away, if it is there.
    fileprivate mutating func extras(of line: String) throws -> [String] {
        guard first == "[" else { return [] }
        guard let end = firstIndex(of: "]") else {
            throw ImageFactoryError(.invalidRecipe, "'\(line.prefix(100))' has no ']' after its extras")
        }
        let extras = self[index(after: startIndex)..<end].split(separator: ",", omittingEmptySubsequences: false)
            .map { $0.trimmed }
        self = self[index(after: end)...].drop { $0 == " " }
        guard extras.allSatisfy(\.isName) else {
            throw ImageFactoryError(
                .invalidRecipe, "'\(line.prefix(100))' has extras that are no names; write [one,two]")
        }
        return extras
    }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    /// PEP 508, "Names".
    fileprivate var isName: Bool {
        guard let first, let last, utf8.count <= 128 else { return false }
        return allSatisfy(\.isNamePart) && !"._-".contains(first) && !"._-".contains(last)
    }

    /// PEP 440, appendix B.
    fileprivate var isVersion: Bool {
        guard utf8.count <= 128 else { return false }
        let form =
            #/
            v?([0-9]+!)?[0-9]+(\.[0-9]+)*
            ([-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?[0-9]*)?
            (-[0-9]+|[-_.]?(post|rev|r)[-_.]?[0-9]*)?
            ([-_.]?dev[-_.]?[0-9]*)?
            (\+[a-z0-9]+([-_.][a-z0-9]+)*)?
            /#
        return lowercased().wholeMatch(of: form) != nil
    }
}

extension Character {
    fileprivate var isNamePart: Bool { isASCII && (isLetter || isNumber || self == "." || self == "_" || self == "-") }
}
