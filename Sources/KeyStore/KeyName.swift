import GridModel

/// What a key is called in its home: a letter or digit, then letters, digits, `.`, `_` and `-`; at most 64.
package struct KeyName: TextualValue, Comparable {
    /// The home's own key.
    package static let home = KeyName(checked: "home")

    package let description: String

    package init(parsing text: String) throws {
        let others = Array("._-".utf8)
        guard (1...64).contains(text.utf8.count),
            text.utf8.allSatisfy({ Self.isAlphanumeric($0) || others.contains($0) }),
            text.utf8.first.map(Self.isAlphanumeric) == true
        else {
            throw KeyStoreError(
                .invalidName,
                "'\(text.prefix(100))' is no name of a key: expected a letter or digit, then letters, digits, '.', '_' "
                    + "or '-', at most 64 characters")
        }
        description = text
    }

    private init(checked: String) { description = checked }

    package static func < (left: KeyName, right: KeyName) -> Bool { left.description < right.description }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
}
