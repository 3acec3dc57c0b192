import Glibc

/// Waiting for descriptors with a deadline: `poll(2)`.
package enum Poll {
    /// What a descriptor is awaited for, and afterwards what came.
    package struct Interest: OptionSet, Sendable {
        package let rawValue: Int16
        package init(rawValue: Int16) { self.rawValue = rawValue }

        package static let readable = Interest(rawValue: Int16(POLLIN))
        package static let writable = Interest(rawValue: Int16(POLLOUT))
        package static let error = Interest(rawValue: Int16(POLLERR))
    }

    /// Waits until one of `awaited` is ready or the deadline has passed; nil waits without end.
    /// Returns what came, index by index; all empty at the deadline or a signal.
    package static func wait(_ awaited: [(Int32, Interest)], until deadline: ContinuousClock.Instant?) throws
        -> [Interest]
    {
        var descriptors = awaited.map { pollfd(fd: $0.0, events: $0.1.rawValue, revents: 0) }
        let count = poll(&descriptors, nfds_t(descriptors.count), milliseconds(until: deadline))
        if count < 0 && errno != EINTR { throw SystemError.last("poll") }
        return descriptors.map { count > 0 ? Interest(rawValue: $0.revents) : [] }
    }

    /// Waits for one descriptor to become readable (or its other side to go); false at the deadline.
    package static func wait(for descriptor: Int32, until deadline: ContinuousClock.Instant) throws -> Bool {
        repeat {
            if try wait([(descriptor, .readable)], until: deadline)[0] != [] { return true }
        } while ContinuousClock.now < deadline
        return false
    }

    private static func milliseconds(until deadline: ContinuousClock.Instant?) -> Int32 {
        guard let deadline else { return -1 }
        let rest = ContinuousClock.now.duration(to: deadline)
        if rest <= .zero { return 0 }
        // Rounded up: a poll that ends before its deadline would spin.
        let whole = rest.components.seconds * 1000 + rest.components.attoseconds / 1_000_000_000_000_000 + 1
        return Int32(min(whole, 3_600_000))
    }
}
