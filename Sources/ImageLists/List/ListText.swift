import GridModel
import StrictJSON

extension Unicode.Scalar {
    /// False for what a terminal obeys, and for marks that turn a text's direction.
    var isText: Bool {
        switch value {
        case 0..<0x20, 0x7f..<0xa0, 0x2028...0x202e, 0x2066...0x2069: false
        default: true
        }
    }
}

/// What members of a list may hold.
extension JSONElement {
    /// A text of one line.
    func line(_ key: String) throws -> String {
        let element = try required(key)
        let text = try element.text()
        guard text.unicodeScalars.allSatisfy(\.isText) else {
            throw element.refusal("'\(key)' holds control characters")
        }
        return text
    }

    /// A text of many lines, which are joined with spaces: it is shown in tables.
    func prose(_ key: String) throws -> String {
        let element = try required(key)
        let lines = try element.text().unicodeScalars.split { $0 == "\n" || $0 == "\r" || $0 == "\t" }
        guard lines.allSatisfy({ $0.allSatisfy(\.isText) }) else {
            throw element.refusal("'\(key)' holds control characters")
        }
        return lines.map { String($0) }.joined(separator: " ")
    }

    func value<Value: TextualValue>(_ key: String, as type: Value.Type = Value.self) throws -> Value {
        let element = try required(key)
        let text = try element.text()
        do { return try Value(parsing: text) } catch { throw element.refusal("'\(key)': \(error)") }
    }

    /// A time in its one form; what does not exist, as 31 February, is refused.
    func time(_ key: String) throws -> Timestamp {
        let element = try required(key)
        let text = try element.text()
        let time: Timestamp = try value(key)
        guard time.description == text else {
            throw element.refusal("'\(key)': '\(text)' is no time: expected for example 2009-11-09T14:30:00Z")
        }
        return time
    }

    /// An address from which one can fetch.
    func address(_ key: String) throws -> String {
        let text = try line(key)
        let lower = text.prefix(8).lowercased()
        let rest = text.dropFirst(lower.hasPrefix("https://") ? 8 : 7)
        let isWeb = lower.hasPrefix("https://") || lower.hasPrefix("http://")
        let host = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        // Name and password before the host are a way to make one host look like another.
        guard isWeb, !host.isEmpty, !host.contains("@"), text.utf8.count <= 2048,
            text.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !"\"<>\\^`{|}".utf8.contains($0) })
        else { throw try required(key).refusal("'\(key)': '\(text.prefix(100))' is no http or https address") }
        return text
    }

    /// A number of bytes: a number, or digits in a string, as the application database of the grid writes it.
    func size(_ key: String) throws -> ByteCount {
        let element = try required(key)
        let number: Int64?
        do { number = try element.integer() } catch {
            let text = try element.text()
            number = text.utf8.allSatisfy { (48...57).contains($0) } ? Int64(text) : nil
        }
        guard let number, number >= 0 else { throw element.refusal("'\(key)' is no number of bytes") }
        return ByteCount(number)
    }
}
