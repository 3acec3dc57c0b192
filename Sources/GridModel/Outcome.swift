/// How a machine ended, and what `sojourn run` returns for it.
package struct Outcome: Codable, Equatable, Sendable {
    package enum Kind: String, Codable, CaseIterable, Sendable {
        /// The payload ended by itself: its status is ours.
        case exited
        /// A signal ended the payload: 128 and the signal's number.
        case signalled
        case commandNotFound = "command-not-found"
        case notExecutable = "not-executable"
        case wallTime = "wall-time"
        case cpuTime = "cpu-time"
        /// It printed more than was allowed.
        case outputLimit = "output-limit"
        case outOfMemory = "out-of-memory"
        case scratchFull = "scratch-full"
        case guestPanic = "guest-panic"
        case guestHang = "guest-hang"
        /// The guest broke the protocol, or could not be made ready.
        case guestFailed = "guest-failed"
        case qemuKilled = "qemu-killed"
        case qemuFailed = "qemu-failed"
        case shareFailed = "share-failed"
        case supervisorKilled = "supervisor-killed"
        /// The `sojourn run` that asked for the machine is gone.
        case clientKilled = "client-killed"
        case interrupted
        case terminalClosed = "terminal-closed"
        case terminated
        case hostDiskFull = "host-disk-full"
        /// A block of the image was damaged or missing, and no place had it.
        case imageUnavailable = "image-unavailable"
        /// The command returned 0, but what was to be staged out did not all come back.
        case outputsMissing = "outputs-missing"
        /// The machine could not be started: nothing of the payload ran.
        case refused
    }

    package let kind: Kind
    /// What `sojourn run` exits with.
    package let exitStatus: UInt8
    /// The signal that ended the payload, where one did.
    package let signal: UInt8?
    /// One line for people.
    package let message: String

    package init(_ kind: Kind, exitStatus: UInt8, signal: UInt8? = nil, message: String) {
        self.kind = kind
        self.exitStatus = exitStatus
        self.signal = signal
        self.message = message
    }

    /// 125: our failure or refusal, whatever the payload might have returned.
    package static func failure(_ kind: Kind, _ message: String) -> Outcome {
        Outcome(kind, exitStatus: 125, message: message)
    }
}
