import CLinux
import Glibc

/// What only pid 1 of a machine does: mounts, kernel modules, devices, power.
package enum Boot {
    package struct MountFlags: OptionSet, Sendable {
        package let rawValue: UInt
        package init(rawValue: UInt) { self.rawValue = rawValue }

        package static let readOnly = MountFlags(rawValue: 1)
        package static let noSetUserID = MountFlags(rawValue: 2)
        package static let noDevices = MountFlags(rawValue: 4)
        package static let noExecute = MountFlags(rawValue: 8)
        package static let remount = MountFlags(rawValue: 32)
        package static let bind = MountFlags(rawValue: 4096)
        package static let move = MountFlags(rawValue: 8192)
    }

    package static func mount(
        _ source: String, at target: String, type: String = "", _ flags: MountFlags = [], options: String = ""
    ) throws {
        try retrying("mount \(source) at \(target)") { sojourn_mount(source, target, type, flags.rawValue, options) }
    }

    /// Takes a mount out of the tree; what is open or bound elsewhere stays.
    package static func detach(_ path: String) throws {
        try retrying("detach \(path)") { umount2(path, Int32(MNT_DETACH)) }
    }

    /// One that is loaded already is no fault.
    package static func loadModule(_ file: Descriptor, named path: String) throws {
        if sojourn_finit_module(file.raw, "") < 0 && errno != EEXIST { throw SystemError.last("load module \(path)") }
    }

    package static func makeCharacterDevice(_ path: String, mode: UInt32, major: UInt32, minor: UInt32) throws {
        try retrying("make device \(path)") { sojourn_make_node(path, mode | 0o020000, major, minor) }
        try setMode(path, mode)
    }

    package static func setMode(_ path: String, _ mode: UInt32) throws {
        try retrying("set the mode of \(path)") { chmod(path, mode) }
    }

    package static func setOwner(_ path: String, uid: UInt32, gid: UInt32) throws {
        try retrying("set the owner of \(path)") { chown(path, uid, gid) }
    }

    package static func setOwner(_ descriptor: Descriptor, uid: UInt32, gid: UInt32) throws {
        try retrying("set the owner of a descriptor") { fchown(descriptor.raw, uid, gid) }
    }

    /// Makes `path`, where the new root is mounted, the root of everything that follows (switch_root(8)).
    package static func switchRoot(to path: String) throws {
        try retrying("enter \(path)") { chdir(path) }
        try mount(".", at: "/", .move)
        try retrying("change root to \(path)") { chroot(".") }
        try retrying("enter the new root") { chdir("/") }
    }

    package static func setHostname(_ name: String) throws {
        try retrying("set the host name") { sethostname(name, name.utf8.count) }
    }

    package static func setClock(nanoseconds: UInt64) throws {
        try retrying("set the clock") { sojourn_set_clock(nanoseconds) }
    }

    package static func bringUp(interface name: String) throws {
        try retrying("bring up \(name)") { sojourn_interface_up(name) }
    }

    /// Gives an interface its IPv4 address and the machine its way out; addresses as numbers, `length` in bits.
    package static func configure(interface name: String, address: UInt32, length: Int, gateway: UInt32) throws {
        try retrying("configure \(name)") {
            sojourn_interface_configure(name, address, Int32(length), gateway)
        }
    }

    package static func enableSwap(_ path: String) throws {
        try retrying("use \(path) as swap space") { sojourn_swap_on(path) }
    }

    /// Ends the machine at once; returns only if the kernel refuses.
    package static func powerOff() { _ = sojourn_power_off() }

    /// Any child that has ended, with how; nil where none has. For pid 1, which inherits orphans.
    package static func reapAny() -> (pid: Int32, status: ExitStatus)? {
        var status: Int32 = 0
        let pid = waitpid(-1, &status, WNOHANG)
        return pid > 0 ? (pid, ExitStatus(waitStatus: status)) : nil
    }

    /// Milliseconds since the kernel started.
    package static var uptimeMilliseconds: UInt32 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return UInt32(clamping: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// Kills every process but pid 1, which calls this: whatever cgroup or session a payload's process has moved to.
    package static func killEverything() { _ = kill(-1, SIGKILL) }

    /// Signals a process group, or one process where `group` is false; a process already gone is no fault.
    package static func signal(_ number: Int32, pid: Int32, group: Bool) { _ = kill(group ? -pid : pid, number) }
}
