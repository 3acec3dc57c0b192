import GridModel

/// Environments that a rule means: `*` stands for any run of characters, none included. `@debian12` is `os/debian12`.
package struct EnvironmentPattern: TextualValue {
    package let description: String

    package init(parsing text: String) throws {
        let full = text.hasPrefix("@") ? "os/" + text.dropFirst() : text
        func isPart(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || "*._+-:/@".utf8.contains(byte)
        }
        guard full != "os/", !full.isEmpty, full.utf8.count <= 256, full.utf8.allSatisfy(isPart) else {
            throw PolicyError(
                .invalidPattern,
                "'\(text.prefix(100))' is no pattern of environments: expected letters, digits and ._+-:/@*, at most 256, "
                    + "for example lhc/*@debian12")
        }
        description = full
    }

    package func matches(_ name: String) -> Bool {
        let (pattern, name) = (Array(description.utf8), Array(name.utf8))
        var (p, n) = (0, 0)
        // Where to go on when the last '*' must take one character more.
        var retry: (pattern: Int, name: Int)?
        while n < name.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                retry = (p + 1, n)
                p += 1
            } else if p < pattern.count, pattern[p] == name[n] {
                p += 1
                n += 1
            } else if let last = retry {
                retry = (last.pattern, last.name + 1)
                (p, n) = (last.pattern, last.name + 1)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
