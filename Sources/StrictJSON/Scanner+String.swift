/// Where a string's contents lie, and whether they hold escapes.
struct StringToken: Sendable {
    let range: Range<Int>
    let hasEscapes: Bool
}

extension Scanner {
    /// Passes over a string, from quote to quote.
    mutating func string() throws -> StringToken {
        index += 1
        let start = index
        var hasEscapes = false
        var isASCII = true
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                let token = StringToken(range: start..<index - 1, hasEscapes: hasEscapes)
                if hasEscapes || !isASCII { try refuseLongRun(token) }
                return token
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try escape()
            case 0..<0x20: throw malformed("a control character in a string, which must be escaped")
            case 0x80...:
                isASCII = false
                try multibyte()
            default: index += 1
            }
        }
        throw malformed("a string without its closing quote")
    }

    /// More combining characters in a row than any writing has: to compare texts, or look one up, takes Swift (6.3) a time
    /// that grows with the square of a run, minutes for a megabyte. The limit is that of Unicode's stream-safe text format
    /// (UAX #15, section 13).
    private func refuseLongRun(_ token: StringToken) throws {
        var run = 0
        for scalar in text(token).unicodeScalars {
            // None is below U+0300.
            let combines = scalar.value >= 0x300 && scalar.properties.canonicalCombiningClass != .notReordered
            run = combines ? run + 1 : 0
            if run > 30 {
                throw fault(
                    .malformed, "a string with more than 30 combining characters in a row",
                    at: token.range.lowerBound - 1)
            }
        }
    }

    private mutating func escape() throws {
        index += 1
        switch next {
        case UInt8(ascii: "u"):
            let unit = try codeUnit()
            if unit & 0xfc00 == 0xdc00 { throw malformed("a low surrogate without the high one before it") }
            guard unit & 0xfc00 == 0xd800 else { return }
            guard next == UInt8(ascii: "\\"), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "u") else {
                throw malformed("a high surrogate without the low one after it")
            }
            index += 1
            if try codeUnit() & 0xfc00 != 0xdc00 { throw malformed("a high surrogate without the low one after it") }
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            index += 1
        default: throw malformed("an escape that JSON does not know")
        }
    }

    /// `uXXXX`, the position being at the `u`.
    private mutating func codeUnit() throws -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            index += 1
            guard let digit = Self.hexadecimal(next) else {
                throw malformed("expected four hexadecimal digits after \\u")
            }
            unit = unit << 4 | digit
        }
        index += 1
        return unit
    }

    fileprivate static func hexadecimal(_ byte: UInt8) -> UInt16? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// One character of two to four bytes (Unicode, table 3-7, "Well-Formed UTF-8 Byte Sequences").
    private mutating func multibyte() throws {
        let second: ClosedRange<UInt8>
        let length: Int
        switch bytes[index] {
        case 0xc2...0xdf: (second, length) = (0x80...0xbf, 2)
        case 0xe0: (second, length) = (0xa0...0xbf, 3)
        case 0xed: (second, length) = (0x80...0x9f, 3)
        case 0xe1...0xef: (second, length) = (0x80...0xbf, 3)
        case 0xf0: (second, length) = (0x90...0xbf, 4)
        case 0xf1...0xf3: (second, length) = (0x80...0xbf, 4)
        case 0xf4: (second, length) = (0x80...0x8f, 4)
        default: throw malformed("bytes that are not UTF-8")
        }
        guard index + length <= bytes.count, second.contains(bytes[index + 1]),
            bytes[index + 2..<index + length].allSatisfy({ $0 & 0xc0 == 0x80 })
        else { throw malformed("bytes that are not UTF-8") }
        index += length
    }
}

// MARK: - Keys

extension Scanner {
    /// What a string that was passed over says.
    func text(_ token: StringToken) -> String { token.text(in: bytes) }
}

extension StringToken {
    /// What it says, in the document that it was found in.
    func text(in bytes: [UInt8]) -> String {
        hasEscapes ? Self.unescaped(bytes[range]) : String(decoding: bytes[range], as: UTF8.self)
    }

    private static func unescaped(_ raw: ArraySlice<UInt8>) -> String {
        // In UTF-16, where the two halves of an escaped pair stand side by side.
        var units: [UInt16] = []
        var rest = raw
        while let slash = rest.firstIndex(of: UInt8(ascii: "\\")) {
            units += String(decoding: rest[..<slash], as: UTF8.self).utf16
            let kind = rest[slash + 1]
            if kind == UInt8(ascii: "u") {
                units.append(rest[slash + 2..<slash + 6].reduce(0) { $0 << 4 | (Scanner.hexadecimal($1) ?? 0) })
            } else {
                units.append(UInt16(simpleEscapes[kind] ?? kind))
            }
            rest = rest[(slash + (kind == UInt8(ascii: "u") ? 6 : 2))...]
        }
        units += String(decoding: rest, as: UTF8.self).utf16
        return String(decoding: units, as: UTF16.self)
    }

    private static let simpleEscapes: [UInt8: UInt8] = [
        UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9,
    ]
}
