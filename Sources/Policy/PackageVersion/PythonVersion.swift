/// A version of a Python package, in the order of PEP 440: `[N!]N(.N)*[{a|b|rc}N][.postN][.devN][+LOCAL]`, in any of the
/// spellings that it allows (its appendix B).
package struct PythonVersion: Comparable, CustomStringConvertible, Sendable {
    package let description: String
    private let epoch: Number
    /// Without zeros at its end.
    private let release: [Number]
    /// `a`, `b` or `rc`, and its number.
    private let pre: (phase: String, number: Number)?
    private let post: Number?
    private let dev: Number?
    /// Empty where there is none.
    private let local: [Substring]

    var hasLocal: Bool { !local.isEmpty }

    package init(parsing text: String) throws {
        func refuse(_ what: String) -> PolicyError {
            PolicyError(
                .invalidVersion,
                "'\(text.prefix(80))' is no version of a Python package: \(what); expected for example 1.26.4 or 2.0rc1"
            )
        }
        guard !text.isEmpty, text.utf8.count <= DebianVersion.longest else {
            throw refuse("it has \(text.utf8.count) bytes, where 1 to \(DebianVersion.longest) are allowed")
        }
        var scan = Scan(text)
        scan.skip(["v"])
        guard var first = scan.number() else { throw refuse("it begins with no number") }
        var epoch = Number(digits: [])
        if scan.skip(["!"]) {
            epoch = first
            guard let next = scan.number() else { throw refuse("no number follows '!'") }
            first = next
        }
        var release = [first]
        while let next = scan.releasePart() { release.append(next) }
        while release.count > 1, release.last == Number(digits: []) { release.removeLast() }
        pre = scan.phase([
            "alpha": "a", "a": "a", "beta": "b", "b": "b", "c": "rc", "rc": "rc", "preview": "rc", "pre": "rc",
        ])
        post = scan.implicitPost() ?? scan.phase(["post": "", "rev": "", "r": ""])?.number
        dev = scan.phase(["dev": ""])?.number
        guard let local = scan.local(), scan.isAtEnd else {
            throw refuse("'\(scan.rest.prefix(20))' is not understood")
        }
        (self.epoch, self.release, self.local, description) = (epoch, release, local, text)
    }

    package static func == (left: PythonVersion, right: PythonVersion) -> Bool { left.order(right) == 0 }

    package static func < (left: PythonVersion, right: PythonVersion) -> Bool { left.order(right) < 0 }

    /// The same but for what a distributor wrote after `+`.
    func isSamePublicVersion(as other: PythonVersion) -> Bool { publicOrder(other) == 0 }

    private func order(_ other: PythonVersion) -> Int {
        let publics = publicOrder(other)
        return publics != 0 ? publics : Self.compareLocals(local, other.local)
    }

    /// PEP 440, "Summary of permitted suffixes and relative ordering": dev before a before b before rc before the release
    /// before post.
    private func publicOrder(_ other: PythonVersion) -> Int {
        if epoch != other.epoch { return epoch < other.epoch ? -1 : 1 }
        if release != other.release { return release.lexicographicallyPrecedes(other.release) ? -1 : 1 }
        if phase != other.phase { return phase < other.phase ? -1 : 1 }
        if let one = pre?.number, let two = other.pre?.number, one != two { return one < two ? -1 : 1 }
        if post != other.post {
            guard let one = post else { return -1 }
            guard let two = other.post else { return 1 }
            return one < two ? -1 : 1
        }
        if dev == other.dev { return 0 }
        guard let one = dev else { return 1 }
        guard let two = other.dev else { return -1 }
        return one < two ? -1 : 1
    }

    private var phase: Int {
        switch pre?.phase {
        case "a": 1
        case "b": 2
        case "rc": 3
        default: post == nil && dev != nil ? 0 : 4
        }
    }

    /// Numbers after words, and more parts after fewer.
    private static func compareLocals(_ left: [Substring], _ right: [Substring]) -> Int {
        for (one, other) in zip(left, right) where one != other {
            switch (Number(one), Number(other)) {
            case (let one?, let other?) where one != other: return one < other ? -1 : 1
            case (.some, .some): continue
            case (.some, nil): return 1
            case (nil, .some): return -1
            case (nil, nil): return one.utf8.lexicographicallyPrecedes(other.utf8) ? -1 : 1
            }
        }
        return left.count == right.count ? 0 : left.count < right.count ? -1 : 1
    }
}

extension PythonVersion {
    /// Of any length.
    fileprivate struct Number: Comparable, Sendable {
        let digits: [UInt8]

        init?(_ text: some StringProtocol) {
            guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
            digits = Array(text.utf8.drop { $0 == 48 })
        }

        static func < (left: Number, right: Number) -> Bool { Digits.compare(left.digits[...], right.digits[...]) < 0 }
    }

    /// Takes a version's parts from the left.
    fileprivate struct Scan {
        private(set) var rest: Substring

        init(_ text: String) { rest = Substring(text.lowercased()) }

        var isAtEnd: Bool { rest.isEmpty }

        @discardableResult
        mutating func skip(_ words: [String]) -> Bool {
            guard let word = words.first(where: { rest.hasPrefix($0) }) else { return false }
            rest = rest.dropFirst(word.count)
            return true
        }

        mutating func number() -> Number? {
            let digits = rest.prefix { ("0"..."9").contains($0) }
            guard let number = Number(digits) else { return nil }
            rest = rest.dropFirst(digits.count)
            return number
        }

        mutating func releasePart() -> Number? {
            var next = self
            guard next.skip(["."]), let number = next.number() else { return nil }
            self = next
            return number
        }

        /// One of `words` with a sign or none before it and before its number, which is 0 where there is none.
        mutating func phase(_ words: [String: String]) -> (phase: String, number: Number)? {
            var next = self
            next.skip([".", "-", "_"])
            // The longest first: `preview` before `pre`.
            let known = words.keys.sorted { ($0.count, $0) > ($1.count, $1) }
            guard let word = known.first(where: { next.rest.hasPrefix($0) }) else { return nil }
            next.skip([word])
            next.skip([".", "-", "_"])
            let number = next.number() ?? Number(digits: [])
            self = next
            return (words[word] ?? "", number)
        }

        /// `1.0-1` is `1.0.post1`.
        mutating func implicitPost() -> Number? {
            var next = self
            guard next.skip(["-"]), let number = next.number() else { return nil }
            self = next
            return number
        }

        /// Empty where there is none; nil where it has odd parts.
        mutating func local() -> [Substring]? {
            guard skip(["+"]) else { return [] }
            let parts = rest.split(omittingEmptySubsequences: false) { ".-_".contains($0) }
            guard parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Self.isPart) }) else { return nil }
            rest = ""
            return parts
        }

        private static func isPart(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...122).contains(byte) }
    }
}

extension PythonVersion.Number {
    fileprivate init(digits: [UInt8]) { self.digits = digits }
}
