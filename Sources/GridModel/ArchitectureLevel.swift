/// A level of the x86-64 instruction set, in the names of its psABI ("Micro-Architecture Levels") and of GCC: `x86-64-v3`.
package enum ArchitectureLevel: Int, TextualValue, CaseIterable, Comparable {
    case v1 = 1
    case v2, v3, v4

    package init(parsing text: String) throws {
        guard let level = Self.allCases.first(where: { $0.description == text }) else {
            throw GridModelError(
                .invalidQuantity,
                "'\(text.prefix(40))' is no architecture level: expected x86-64-v1, x86-64-v2, x86-64-v3 or x86-64-v4")
        }
        self = level
    }

    package var description: String { "x86-64-v\(rawValue)" }

    // Written out: the compiler would make a form of its own for an enumeration.
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    package static func < (left: ArchitectureLevel, right: ArchitectureLevel) -> Bool {
        left.rawValue < right.rawValue
    }
}
