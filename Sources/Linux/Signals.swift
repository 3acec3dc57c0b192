internal import CLinux
import Glibc

/// Signals taken as data: blocked for the thread and read from a descriptor.
package final class Signals: Sendable {
    package let descriptor: Descriptor

    /// Blocks `numbers` and collects them from now on.
    package init(_ numbers: [Int32]) throws {
        descriptor = Descriptor(
            owning: try retrying("open a signal descriptor") { sojourn_signalfd(numbers, Int32(numbers.count)) })
    }

    /// The signals that came since the last look.
    package func take() -> [Int32] {
        var numbers: [Int32] = []
        while true {
            let number = sojourn_take_signal(descriptor.raw)
            if number == 0 { break }
            numbers.append(number)
        }
        return numbers
    }

    /// A broken pipe becomes an error of the write, not our death.
    package static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
}
