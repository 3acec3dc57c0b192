/// What a job asks for: `EXPERIMENT/SOFTWARE:VERSION@OS`. `@OS` alone is short for the minimal system `os/OS`.
package struct Environment: TextualValue, Comparable {
    package struct Software: Hashable, Sendable {
        package let experiment: String
        package let name: String
        package let version: String
    }

    /// Nil for a minimal system.
    package let software: Software?
    package let os: String

    package init(software: Software?, os: String) {
        self.software = software
        self.os = os
    }

    package init(parsing text: String) throws {
        func refuse(_ what: String) -> GridModelError {
            GridModelError(
                .invalidEnvironment,
                "'\(text.prefix(200))' is no environment: \(what); expected EXPERIMENT/SOFTWARE:VERSION@OS, "
                    + "for example lhc/pythia8:8.317.2@debian12, or @debian12 for the system alone")
        }
        if text.hasPrefix("os/") {
            try self.init(parsing: "@" + text.dropFirst(3))
            return
        }
        let halves = text.split(separator: "@", omittingEmptySubsequences: false)
        guard halves.count == 2 else { throw refuse("it has \(halves.count - 1) '@' where one is needed") }
        guard Self.isName(halves[1]) else {
            throw refuse("the system's name after '@' is missing or has odd characters")
        }
        if halves[0].isEmpty {
            self.init(software: nil, os: String(halves[1]))
            return
        }
        guard let slash = halves[0].firstIndex(of: "/") else { throw refuse("there is no '/' after the experiment") }
        let rest = halves[0][halves[0].index(after: slash)...]
        guard let colon = rest.firstIndex(of: ":") else { throw refuse("there is no ':' before the version") }
        let parts = [halves[0][..<slash], rest[..<colon], rest[rest.index(after: colon)...]]
        guard parts.allSatisfy(Self.isName) else {
            throw refuse("a part is empty or has characters other than letters, digits, '.', '_', '+' and '-'")
        }
        let software = Software(experiment: String(parts[0]), name: String(parts[1]), version: String(parts[2]))
        self.init(software: software, os: String(halves[1]))
    }

    package var description: String {
        guard let software else { return "os/\(os)" }
        return "\(software.experiment)/\(software.name):\(software.version)@\(os)"
    }

    package static func < (left: Environment, right: Environment) -> Bool { left.description < right.description }

    /// Letters, digits and `._+-`, at most 64, beginning with a letter or digit: safe in paths and references.
    package static func isName(_ text: some StringProtocol) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 64 else { return false }
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        }
        return isAlphanumeric(first) && text.utf8.allSatisfy { isAlphanumeric($0) || "._+-".utf8.contains($0) }
    }
}
