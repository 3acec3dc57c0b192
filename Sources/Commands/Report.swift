import Glibc
import Linux

/// What is said to people: on standard error, since standard output is data.
enum Report {
    static func line(_ text: String) { write(text.escapingControls + "\n") }

    /// A document of one line, as it is.
    static func document(_ bytes: [UInt8]) { write(String(decoding: bytes, as: UTF8.self) + "\n") }

    static func error(_ text: String) {
        // ArgumentParser begins its own messages with "Error: ".
        let plain = text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text
        line("sojourn: \(plain)")
    }

    static func data(_ bytes: [UInt8]) throws {
        try Descriptor(duplicating: STDOUT_FILENO).write(bytes)
    }

    fileprivate static func write(_ text: String) {
        let bytes = Array(text.utf8)
        // Nobody is there to be told that nobody can be told.
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

extension String {
    /// With what would move a terminal's cursor or change its colours written out: names and logs come from strangers.
    var escapingControls: String {
        guard unicodeScalars.contains(where: \.isControl) else { return self }
        return unicodeScalars.map { $0.isControl ? $0.escaped(asASCII: true) : String($0) }.joined()
    }
}

extension Unicode.Scalar {
    /// But for line ends and tabs; with the marks that turn the direction of writing.
    fileprivate var isControl: Bool {
        if value == 10 || value == 9 { return false }
        return [.control, .lineSeparator, .paragraphSeparator].contains(properties.generalCategory)
            || (0x202A...0x202E).contains(value) || (0x2066...0x2069).contains(value)
    }
}

/// One line on a terminal that is written over; nothing anywhere else.
struct ProgressLine {
    private let isShown: Bool

    init(isWanted: Bool) { isShown = isWanted && Terminal.isTerminal(STDERR_FILENO) }

    func show(_ text: String) {
        guard isShown else { return }
        let width = Int(Terminal.window(of: STDERR_FILENO)?.columns ?? 80)
        Report.write("\r\u{1B}[K" + text.escapingControls.prefix(max(20, width - 1)))
    }

    func clear() { if isShown { Report.write("\r\u{1B}[K") } }
}
