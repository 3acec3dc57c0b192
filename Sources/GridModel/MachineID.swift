/// Names one machine for ever: `20091109-143000-k3x9qa`, its start in UTC and six random characters, so that names sort by
/// time and two hosts hardly ever choose the same.
package struct MachineID: TextualValue, Comparable {
    package let text: String

    package init(parsing text: String) throws {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [8, 6, 6],
            text.utf8.allSatisfy({ (48...57).contains($0) || (97...122).contains($0) || $0 == 45 })
        else {
            throw GridModelError(
                .invalidMachineID, "'\(text.prefix(40))' is no machine: expected a name like 20091109-143000-k3x9qa")
        }
        self.text = text
    }

    /// A new name, from seconds since 1970 and a source of randomness.
    package init(seconds: Int64, using generator: inout some RandomNumberGenerator) {
        let alphabet = Array("abcdefghijkmnpqrstuvwxyz23456789")
        let random = (0..<6).map { _ in alphabet.randomElement(using: &generator) ?? "a" }
        let stamp = Timestamp(seconds: seconds).description
        text =
            stamp.filter { $0.isNumber }.prefix(8) + "-" + stamp.filter { $0.isNumber }.dropFirst(8).prefix(6) + "-"
            + String(random)
    }

    package var description: String { text }

    package static func < (left: MachineID, right: MachineID) -> Bool { left.text < right.text }
}
