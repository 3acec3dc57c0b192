/// A span of wall-clock time, to the second: `30m`, `1h30m`, `2d`, `90s`, `01:30:00`; in JSON too.
package struct WallTime: TextualValue, Comparable {
    package let seconds: Int64

    package init(seconds: Int64) { self.seconds = seconds }

    package init(parsing text: String) throws {
        guard let seconds = text.contains(":") ? Self.clock(text) : Self.units(text), seconds > 0,
            seconds <= 366 * 86400
        else {
            throw GridModelError(
                .invalidQuantity,
                "'\(text.prefix(40))' is no time: expected for example 90s, 30m, 1h30m, 2d or HH:MM:SS, at most 366d")
        }
        self.seconds = seconds
    }

    package var duration: Duration { .seconds(seconds) }

    /// What so many processors can spend in it.
    package func times(_ cores: Int) -> WallTime {
        let (product, overflows) = seconds.multipliedReportingOverflow(by: Int64(cores))
        return WallTime(seconds: overflows ? .max : product)
    }

    package var description: String {
        var rest = seconds
        var text = ""
        for (unit, size) in [("d", 86400), ("h", 3600), ("m", 60)] as [(String, Int64)] where rest >= size {
            text += "\(rest / size)\(unit)"
            rest %= size
        }
        return rest > 0 || text.isEmpty ? text + "\(rest)s" : text
    }

    package static func < (left: WallTime, right: WallTime) -> Bool { left.seconds < right.seconds }

    private static func clock(_ text: String) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { UInt16($0) }
        guard parts.count == 3, let hours = parts[0], let minutes = parts[1], let seconds = parts[2], minutes < 60,
            seconds < 60
        else { return nil }
        return Int64(hours) * 3600 + Int64(minutes) * 60 + Int64(seconds)
    }

    private static func units(_ text: String) -> Int64? {
        var total: Int64 = 0
        var digits = ""
        for character in text {
            if character.isASCII, character.isNumber {
                digits.append(character)
                continue
            }
            guard let size = ["d": 86400, "h": 3600, "m": 60, "s": 1][character] as Int64?, let count = UInt32(digits)
            else { return nil }
            total += Int64(count) * size
            digits = ""
        }
        if digits.isEmpty { return total }
        // A bare number means seconds; after a unit it would be a slip.
        return total == 0 ? UInt32(digits).map(Int64.init) : nil
    }
}
