import Glibc

/// A refused system call: what was attempted, on what, and why the kernel refused it.
package struct SystemError: Error, Equatable, CustomStringConvertible {
    /// The `errno` of the call; 0 where the fault is not the kernel's.
    package let code: Int32
    package let message: String

    package init(code: Int32, message: String) {
        self.code = code
        self.message = message
    }

    /// Takes `errno` as it stands now.
    package static func last(_ attempt: String) -> SystemError {
        let code = errno
        return SystemError(code: code, message: "\(attempt): \(String(cString: strerror(code)))")
    }

    package var description: String { message }

    /// The other side of a pipe or socket is gone.
    package var isBrokenPipe: Bool { code == EPIPE || code == ECONNRESET || code == ENOTCONN }
    /// There is no such file or directory.
    package var isMissing: Bool { code == ENOENT || code == ENOTDIR }
    package var isNoSpace: Bool { code == ENOSPC || code == EDQUOT }

    package static func == (left: SystemError, right: SystemError) -> Bool { left.code == right.code }
}

/// Repeats a call that a signal interrupted; throws when it fails otherwise.
@discardableResult
package func retrying<Result: SignedInteger>(_ attempt: @autoclosure () -> String, _ call: () -> Result) throws
    -> Result
{
    while true {
        let result = call()
        if result >= 0 { return result }
        if errno != EINTR { throw SystemError.last(attempt()) }
    }
}
