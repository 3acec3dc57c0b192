import ArgumentParser
import GridModel

/// Until when something counts: so long from now, or a date.
enum Term: ExpressibleByArgument {
    case span(WallTime)
    case moment(Timestamp)

    static let form = "so long from now (90d), or a date (2030-12-31, to its end, or 2030-12-31T12:00:00Z)"

    init?(argument text: String) {
        do {
            if text.utf8.count == 10, text.contains("-") {
                let moment = try Timestamp(parsing: "\(text)T23:59:59Z")
                // The 31st of February is none.
                guard moment.description.hasPrefix(text) else { return nil }
                self = .moment(moment)
            } else if text.hasSuffix("Z") {
                self = .moment(try Timestamp(parsing: text))
            } else {
                self = .span(try WallTime(parsing: text))
            }
        } catch { return nil }
    }

    func end(from now: Timestamp) -> Timestamp {
        switch self {
        case .span(let span): Timestamp(seconds: now.seconds + span.seconds)
        case .moment(let moment): moment
        }
    }
}
