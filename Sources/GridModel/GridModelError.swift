/// A word of the domain that could not be understood: what was given, what is wrong, what is expected.
package struct GridModelError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable { case invalidDigest, invalidEnvironment, invalidQuantity, invalidMachineID }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    package static func == (left: GridModelError, right: GridModelError) -> Bool { left.code == right.code }
}

/// A value with one textual form, which is also its form in JSON.
package protocol TextualValue: Codable, CustomStringConvertible, Hashable, Sendable {
    init(parsing text: String) throws
}

extension TextualValue {
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
