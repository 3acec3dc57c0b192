import GuestProtocol
import Linux

/// Makes the payload's root: the image's layers below, the scratch disk above, fresh /dev, /proc, /sys and cgroups.
enum RootFilesystem {
    /// Besides /proc, which was mounted before the runtime started.
    static func mountBasics() throws {
        for (type, path) in [("sysfs", "/sys"), ("devtmpfs", "/dev")] {
            try Files.makeDirectories(path)
            try Boot.mount(type, at: path, type: type, [.noSetUserID])
        }
    }

    /// Stacks the layers under the scratch disk and moves there. Disks are opened before: /dev is left behind.
    static func assemble(layers count: Int, disks: Disks) throws {
        var lower: [String] = []
        for index in 0..<count {
            let point = "/layers/\(index)"
            try Files.makeDirectories(point)
            try Boot.mount(try disks.path(GuestLink.Disk.layer(index)), at: point, type: "erofs", [.readOnly])
            lower.insert(point, at: 0)
        }
        try Files.makeDirectories("/scratch")
        // The disk's file has holes, which are zeros already: ext4 need not write its tables full of them.
        try Boot.mount(
            try disks.path(GuestLink.Disk.scratch), at: "/scratch", type: "ext4", [.noDevices],
            options: "noinit_itable")
        for path in ["/scratch/upper", "/scratch/work", "/root"] { try Files.makeDirectories(path) }
        try Boot.mount(
            "overlay", at: "/root", type: "overlay", [.noDevices],
            options: "lowerdir=\(lower.joined(separator: ":")),upperdir=/scratch/upper,workdir=/scratch/work")
        for path in ["/proc", "/sys"] {
            try Files.makeDirectories("/root\(path)")
            try Boot.mount(path, at: "/root\(path)", .move)
        }
        try makeDevices(in: "/root/dev")
        try Boot.switchRoot(to: "/root")
        try mountVolatile()
    }

    /// Only what a payload may use: the disks and the channel stay out of its sight.
    private static func makeDevices(in directory: String) throws {
        try Files.makeDirectories(directory)
        try Boot.mount("dev", at: directory, type: "tmpfs", [.noSetUserID, .noExecute], options: "mode=755,size=1m")
        let nodes: [(String, UInt32, UInt32)] = [
            ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
            ("fuse", 10, 229),
        ]
        for (name, major, minor) in nodes {
            try Boot.makeCharacterDevice("\(directory)/\(name)", mode: 0o666, major: major, minor: minor)
        }
        let links = [
            "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
            "ptmx": "pts/ptmx",
        ]
        for (name, target) in links { try FileAttributes.makeLink("\(directory)/\(name)", to: target) }
    }

    private static func mountVolatile() throws {
        let mounts: [(type: String, path: String, flags: Boot.MountFlags, options: String)] = [
            ("devpts", "/dev/pts", [.noSetUserID, .noExecute], "newinstance,ptmxmode=0666,mode=0620,gid=5"),
            // What lies there is the payload's memory, and limited with it.
            ("tmpfs", "/dev/shm", [.noSetUserID, .noDevices], "mode=1777,size=100%"),
            ("mqueue", "/dev/mqueue", [.noSetUserID, .noDevices, .noExecute], ""),
            ("tmpfs", "/run", [.noSetUserID, .noDevices], "mode=755"),
            // A mount point cannot be renamed, not even by a payload that is number 0. Documents come in one frame.
            ("tmpfs", GuestLink.documents, [.noSetUserID, .noDevices, .noExecute], "mode=755,size=4m"),
            ("cgroup2", "/sys/fs/cgroup", [.noSetUserID, .noDevices, .noExecute], ""),
        ]
        for mount in mounts {
            try Files.makeDirectories(mount.path)
            try Boot.mount(mount.type, at: mount.path, type: mount.type, mount.flags, options: mount.options)
        }
        for path in ["/tmp", "/var/tmp", "/run/lock"] {
            try Files.makeDirectories(path)
            try Boot.setMode(path, 0o1777)
        }
        // A payload's processes may be many; its system is its own.
        try Boot.bringUp(interface: "lo")
    }
}
