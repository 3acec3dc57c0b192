import Glibc

/// Who runs this process, as the host's user database tells it.
package struct Account: Sendable {
    package struct Group: Sendable {
        package let gid: UInt32
        package let name: String
    }

    package let uid: UInt32
    package let gid: UInt32
    package let name: String
    package let home: String
    /// All groups, the primary one first.
    package let groups: [Group]

    package static var current: Account {
        let uid = getuid()
        let gid = getgid()
        let entry = getpwuid(uid)
        let name = entry.map { String(cString: $0.pointee.pw_name) } ?? "user\(uid)"
        let home = entry.map { String(cString: $0.pointee.pw_dir) } ?? "/"
        var numbers = [gid_t](repeating: 0, count: 65536)
        let count = max(0, Int(getgroups(Int32(numbers.count), &numbers)))
        let others = numbers.prefix(count).filter { $0 != gid }
        return Account(
            uid: uid, gid: gid, name: safe(name, or: "user\(uid)"), home: home,
            groups: ([gid] + others).map { Group(gid: $0, name: groupName($0)) })
    }

    private static func groupName(_ gid: gid_t) -> String {
        safe(getgrgid(gid).map { String(cString: $0.pointee.gr_name) } ?? "", or: "group\(gid)")
    }

    /// What a line of a passwd file can hold.
    private static func safe(_ name: String, or other: String) -> String {
        name.isEmpty || name.contains(":") || name.contains("\n") ? other : name
    }
}
