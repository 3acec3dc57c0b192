/// A moment in UTC, to the second: `2009-11-09T14:30:00Z` (RFC 3339).
package struct Timestamp: TextualValue, Comparable {
    /// Since 1970-01-01, without leap seconds.
    package let seconds: Int64

    package init(seconds: Int64) { self.seconds = seconds }

    package init(parsing text: String) throws {
        let digits = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int64? {
            guard digits[range].allSatisfy({ (48...57).contains($0) }) else { return nil }
            return Int64(String(decoding: digits[range], as: UTF8.self))
        }
        guard digits.count == 20, [4, 7, 10, 13, 16, 19].map({ digits[$0] }) == Array("--T::Z".utf8),
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60
        else {
            throw GridModelError(
                .invalidQuantity, "'\(text.prefix(40))' is no time: expected for example 2009-11-09T14:30:00Z")
        }
        seconds = Self.days(year: year, month: month, day: day) * 86400 + hour * 3600 + minute * 60 + second
        guard description == text else {
            throw GridModelError(.invalidQuantity, "'\(text)' is no time: that month has no such day")
        }
    }

    package var description: String {
        let days = (seconds - (seconds % 86400 + 86400) % 86400) / 86400
        let rest = seconds - days * 86400
        let (year, month, day) = Self.civil(days: days)
        func padded(_ value: Int64, _ width: Int = 2) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return
            "\(padded(year, 4))-\(padded(month))-\(padded(day))T\(padded(rest / 3600)):\(padded(rest / 60 % 60)):\(padded(rest % 60))Z"
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.seconds < right.seconds }

    /// Days since 1970-01-01 of a date of the Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468
    }

    private static func civil(days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719468
        let era = (shifted >= 0 ? shifted : shifted - 146096) / 146097
        let dayOfEra = shifted - era * 146097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let index = (5 * dayOfYear + 2) / 153
        let month = index < 10 ? index + 3 : index - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * index + 2) / 5 + 1)
    }
}
