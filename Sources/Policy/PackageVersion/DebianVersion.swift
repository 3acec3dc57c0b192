/// A version of a Debian package, in the order of deb-version(7): `[EPOCH:]UPSTREAM[-REVISION]`.
package struct DebianVersion: Comparable, CustomStringConvertible, Sendable {
    package let description: String
    let epoch: Int32
    /// Whether the epoch is written out.
    let hasEpoch: Bool
    let upstream: String
    /// Empty where there is none, as in native packages.
    let revision: String

    static let longest = 256

    package init(parsing text: String) throws {
        func refuse(_ what: String) -> PolicyError {
            PolicyError(
                .invalidVersion,
                "'\(text.prefix(80))' is no version of a Debian package: \(what); expected for example 5.6.0-0.2")
        }
        guard !text.isEmpty, text.utf8.count <= Self.longest else {
            throw refuse("it has \(text.utf8.count) bytes, where 1 to \(Self.longest) are allowed")
        }
        guard text.utf8.allSatisfy({ Self.isAlphanumeric($0) || ".+-~:".utf8.contains($0) }) else {
            throw refuse("it has characters other than letters, digits and .+-~:")
        }
        var rest = text[...]
        var epoch: Int32 = 0
        let colon = rest.firstIndex(of: ":")
        if let colon {
            let digits = rest[..<colon]
            guard digits.utf8.allSatisfy(Self.isDigit), let number = Int32(digits) else {
                throw refuse("what stands before ':' is no number")
            }
            epoch = number
            rest = rest[rest.index(after: colon)...]
        }
        var revision = ""
        if let dash = rest.lastIndex(of: "-") {
            revision = String(rest[rest.index(after: dash)...])
            rest = rest[..<dash]
            guard !revision.isEmpty else { throw refuse("nothing follows the last '-'") }
            guard !revision.contains(":") else { throw refuse("there is a ':' after the last '-'") }
        }
        guard !rest.isEmpty else { throw refuse("there is no upstream version") }
        self.epoch = epoch
        self.revision = revision
        description = text
        hasEpoch = colon != nil
        upstream = String(rest)
    }

    /// Equal are versions of the same place in the order: `1.0` and `1.0-0`.
    package static func == (left: DebianVersion, right: DebianVersion) -> Bool { left.order(right) == 0 }

    package static func < (left: DebianVersion, right: DebianVersion) -> Bool { left.order(right) < 0 }

    /// What Debian packaged, without Debian's own additions to its version: `1.2+dfsg` and `1.2~ds1` are upstream's 1.2, and
    /// `5.6.1+really5.4.5` is 5.4.5 under a higher number.
    var origin: String {
        var text = upstream[...]
        if let really = Self.end(of: "really", in: text) { text = text[really...] }
        for mark in ["dfsg", "ds", "repack"] {
            guard let end = Self.end(of: mark, in: text),
                text[end...].utf8.allSatisfy({ Self.isDigit($0) || $0 == 46 })
            else { continue }
            text = text[..<text.index(end, offsetBy: -mark.count - 1)]
        }
        return text.isEmpty ? upstream : String(text)
    }

    /// Of the same source as `self`, which another build of the same may have made: `+b1` at the end (Debian Developer's
    /// Reference, 5.10.2.1).
    var withoutRebuild: String {
        guard let plus = description.lastIndex(of: "+") else { return description }
        let mark = description[description.index(after: plus)...].utf8
        guard mark.first == 98, mark.count > 1, mark.dropFirst().allSatisfy(Self.isDigit) else { return description }
        return String(description[..<plus])
    }

    /// Where `word` ends that follows a sign, the last time that it is there.
    private static func end(of word: String, in text: Substring) -> Substring.Index? {
        var found: Substring.Index?
        for index in text.indices where "+~.".contains(text[index]) {
            let next = text.index(after: index)
            if text[next...].hasPrefix(word) { found = text.index(next, offsetBy: word.count) }
        }
        return found
    }

    // MARK: Order

    private func order(_ other: DebianVersion) -> Int {
        if epoch != other.epoch { return epoch < other.epoch ? -1 : 1 }
        return orderWithoutEpoch(other)
    }

    func orderWithoutEpoch(_ other: DebianVersion) -> Int {
        let upstreams = Self.compare(upstream, other.upstream)
        return upstreams != 0 ? upstreams : Self.compare(revision, other.revision)
    }

    /// By turns what is no digits and what is, from the left (deb-version(7), "Sorting algorithm").
    private static func compare(_ left: String, _ right: String) -> Int {
        var (left, right) = (Array(left.utf8)[...], Array(right.utf8)[...])
        while !left.isEmpty || !right.isEmpty {
            while left.first.map(isDigit) == false || right.first.map(isDigit) == false {
                let (one, other) = (weight(left.first), weight(right.first))
                if one != other { return one < other ? -1 : 1 }
                left = left.dropFirst()
                right = right.dropFirst()
            }
            let (one, other) = (left.prefix(while: isDigit), right.prefix(while: isDigit))
            let numbers = Digits.compare(one, other)
            if numbers != 0 { return numbers }
            left = left.dropFirst(one.count)
            right = right.dropFirst(other.count)
        }
        return 0
    }

    /// `~` before the end, that before letters, those before the rest. A digit ends the part as the end does.
    private static func weight(_ byte: UInt8?) -> Int {
        guard let byte, !isDigit(byte) else { return 0 }
        if byte == 126 { return -1 }
        return isAlphanumeric(byte) ? Int(byte) : Int(byte) + 256
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
}

/// Numbers of any length, as digits.
enum Digits {
    /// -1, 0 or 1.
    static func compare(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Int {
        let (left, right) = (left.drop { $0 == 48 }, right.drop { $0 == 48 })
        if left.count != right.count { return left.count < right.count ? -1 : 1 }
        if left.elementsEqual(right) { return 0 }
        return left.lexicographicallyPrecedes(right) ? -1 : 1
    }
}
