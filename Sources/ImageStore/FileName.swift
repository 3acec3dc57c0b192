/// Names of environments as names of files, no two of them alike; of anything else too.
package enum FileName {
    /// Letters, digits and `._+-@` stay; `/` becomes `~` and `:` becomes `=`, which no environment has; the rest `%`.
    package static func of(_ name: String) -> String {
        String(
            name.map { character in
                if character.isASCII && (character.isLetter || character.isNumber || "._+-@".contains(character)) {
                    return character
                }
                return ["/": "~", ":": "="][character] ?? "%"
            })
    }
}
