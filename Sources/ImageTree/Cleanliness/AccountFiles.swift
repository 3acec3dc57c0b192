/// Passwords in the files of passwd(5), shadow(5) and gshadow(5).
enum AccountFiles {
    /// And the copies that the shadow tools keep (`shadow-`).
    static let paths: Set<String> = Set(
        ["etc/passwd", "etc/shadow", "etc/gshadow", "etc/group"].flatMap { [$0, "\($0)-"] })

    static func findings(path: String, content: [UInt8]) -> [Finding] {
        // Only members of a group need no password then (gshadow(5)); an empty one of a user lets everybody in.
        let isOfGroups = path.contains("group") || path.contains("gshadow")
        var findings: [Finding] = []
        for line in content.split(separator: UInt8(ascii: "\n")) where line.first != UInt8(ascii: "#") {
            let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count >= 2 else { continue }
            let name = String(decoding: fields[0].prefix(64), as: UTF8.self)
            if fields[1].isEmpty {
                // `+::::` is no account but a request to ask NIS too (compat of nsswitch.conf(5)).
                if isOfGroups || fields[0].first == UInt8(ascii: "+") { continue }
                findings.append(
                    Finding(
                        path: "/\(path)", what: "'\(name)' needs no password to log in",
                        remedy: "lock it in a build script: usermod -p '*' \(name)"))
            } else if isPassword(fields[1]) {
                findings.append(
                    Finding(
                        path: "/\(path)", what: "the password of '\(name)', as a hash",
                        remedy:
                            "take it away in a build script: \(isOfGroups ? "gpasswd -r" : "usermod -p '*'") \(name)"))
            }
        }
        return findings
    }

    /// Anything but the words by which nobody can log in. A hash behind `!` is locked but told all the same; crypt(5)
    /// knows none under 13 characters.
    private static func isPassword(_ field: ArraySlice<UInt8>) -> Bool {
        let word = field.drop { $0 == UInt8(ascii: "!") || $0 == UInt8(ascii: "*") }
        if word.isEmpty || word.elementsEqual("x".utf8) { return false }
        let isLocked = word.startIndex > field.startIndex
        return !(isLocked && word.count < 13 && word.allSatisfy { (65...90).contains($0 & 0xdf) })
    }
}
