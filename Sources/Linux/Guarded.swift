internal import CLinux
import Glibc

/// A value that threads of our own share, and wait for changes of. `Mutex` of Synchronization cannot be waited at.
// @unchecked: the value is touched under the lock only; the lock is never copied, and lives as long as the object.
package final class Guarded<Value: Sendable>: @unchecked Sendable {
    private var value: Value
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init(_ value: Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // No clock that somebody may set.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` alone with the value.
    package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }

    /// As `withLock`, and wakes all who wait.
    package func change<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(changed)
            pthread_mutex_unlock(mutex)
        }
        return try body(&value)
    }

    /// Runs `body` at every change until it gives something; nil at the deadline.
    package func wait<Result>(
        until deadline: ContinuousClock.Instant?, for body: (inout Value) throws -> Result?
    ) rethrows -> Result? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = try body(&value) { return result }
            guard let deadline else {
                pthread_cond_wait(changed, mutex)
                continue
            }
            let rest = ContinuousClock.now.duration(to: deadline)
            if rest <= .zero { return nil }
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            let nanoseconds =
                now.tv_nsec + Int(rest.components.attoseconds / 1_000_000_000) + (rest.components.seconds > 0 ? 0 : 1)
            var end = timespec(
                tv_sec: now.tv_sec + Int(rest.components.seconds) + nanoseconds / 1_000_000_000,
                tv_nsec: nanoseconds % 1_000_000_000)
            pthread_cond_timedwait(changed, mutex, &end)
        }
    }
}

/// A thread of our own: for what blocks.
// @unchecked: the handle is written once, before the object is given out.
package final class WorkThread: @unchecked Sendable {
    private var handle = pthread_t()

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Begins at once; all signals are left to the other threads.
    package init(_ body: @escaping @Sendable () -> Void) throws {
        let box = Unmanaged.passRetained(Body(body))
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        let failure = pthread_create(
            &handle, nil,
            { pointer in
                if let pointer { Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue().run() }
                return nil
            }, box.toOpaque())
        pthread_sigmask(SIG_SETMASK, &before, nil)
        if failure != 0 {
            box.release()
            throw SystemError(code: failure, message: "start a thread: \(String(cString: strerror(failure)))")
        }
    }

    /// Waits for its end; to be called once.
    package func join() { pthread_join(handle, nil) }
}

/// Locks of parts of a file, which other processes see; they end with the descriptor, whatever ends that.
extension Descriptor {
    /// F_OFD_SETLK of Linux's uapi/asm-generic/fcntl.h, which Swift's Glibc lacks.
    private static let setLock: Int32 = 37

    /// Holds `range` until the descriptor is closed; false where somebody else holds some of it (fcntl(2), open file
    /// description locks).
    package func tryLock(_ range: Range<Int64>) throws -> Bool {
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = off_t(range.lowerBound)
        lock.l_len = off_t(range.count)
        if fcntl(raw, Self.setLock, &lock) == 0 { return true }
        if errno == EAGAIN || errno == EACCES { return false }
        throw SystemError.last("lock a part of descriptor \(raw)")
    }
}
