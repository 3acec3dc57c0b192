import GridModel

/// A list's version, `hv:version`. Fields between `-`, `,`, `.` and `/` are compared one after the other.
///
/// Two numbers compare as numbers of any length: `1.9` < `1.10`, `1.07` = `1.7`. Two other texts compare by their bytes.
/// A text is below every number, and a version is above each that it continues: `1.rc1` < `1.0` < `1.0.0`.
package struct ListVersion: TextualValue, Comparable {
    private enum Field: Hashable, Comparable {
        case text([UInt8])
        /// Without leading zeros.
        case number([UInt8])

        static func < (left: Field, right: Field) -> Bool {
            switch (left, right) {
            case (.text(let left), .text(let right)): left.lexicographicallyPrecedes(right)
            case (.text, .number): true
            case (.number, .text): false
            case (.number(let left), .number(let right)):
                left.count == right.count ? left.lexicographicallyPrecedes(right) : left.count < right.count
            }
        }
    }

    package let description: String
    private let fields: [Field]

    package init(parsing text: String) throws {
        guard (1...128).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw ImageListError(
                .malformedList, "'\(text.prefix(40))' is no version: expected for example 20260131.2, without spaces")
        }
        description = text
        fields = text.utf8.split(omittingEmptySubsequences: false) { "-,./".utf8.contains($0) }.map { field in
            let isNumber = !field.isEmpty && field.allSatisfy { (48...57).contains($0) }
            return isNumber ? .number(Array(field.drop { $0 == 48 })) : .text(Array(field))
        }
    }

    package static func == (left: ListVersion, right: ListVersion) -> Bool { left.fields == right.fields }
    package func hash(into hasher: inout Hasher) { hasher.combine(fields) }

    package static func < (left: ListVersion, right: ListVersion) -> Bool {
        left.fields.lexicographicallyPrecedes(right.fields)
    }
}
