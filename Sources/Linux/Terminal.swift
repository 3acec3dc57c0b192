internal import CLinux
import Glibc

/// Terminals: their size, raw mode, and pairs for payloads.
package enum Terminal {
    package struct Window: Equatable, Sendable {
        package var columns: UInt16
        package var rows: UInt16

        package init(columns: UInt16, rows: UInt16) {
            self.columns = columns
            self.rows = rows
        }
    }

    package static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    package static func window(of descriptor: Int32) -> Window? {
        var window = Window(columns: 0, rows: 0)
        return sojourn_get_window(descriptor, &window.columns, &window.rows) == 0 ? window : nil
    }

    package static func setWindow(_ window: Window, of descriptor: Int32) throws {
        try retrying("set a terminal's size") { sojourn_set_window(descriptor, window.columns, window.rows) }
    }

    /// A new pseudo terminal.
    package static func openPair() throws -> (master: Descriptor, slave: Descriptor) {
        var master: Int32 = -1
        var slave: Int32 = -1
        try retrying("open a pseudo terminal") { sojourn_open_terminal(&master, &slave) }
        return (Descriptor(owning: master), Descriptor(owning: slave))
    }

    /// A terminal in raw mode, until `restore`.
    package struct Raw: Sendable {
        private let descriptor: Int32
        private let before: termios

        package init(_ descriptor: Int32) throws {
            var settings = termios()
            try retrying("read a terminal's settings") { tcgetattr(descriptor, &settings) }
            self.descriptor = descriptor
            before = settings
            cfmakeraw(&settings)
            try retrying("set a terminal to raw mode") { tcsetattr(descriptor, TCSADRAIN, &settings) }
        }

        package func restore() {
            var settings = before
            tcsetattr(descriptor, TCSADRAIN, &settings)
        }
    }
}

extension Terminal {
    /// This process may read from the terminal: one in the background that tries is stopped (SIGTTIN).
    package static func isInForeground(_ descriptor: Int32) -> Bool {
        let owner = tcgetpgrp(descriptor)
        return owner < 0 || owner == getpgrp()
    }
}
