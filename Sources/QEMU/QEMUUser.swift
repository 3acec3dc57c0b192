package import Linux

/// Whom QEMU runs as: an ordinary user's QEMU is that user's; root's is a number that nobody else has, so that a guest that
/// broke out could touch nothing, not even another machine's QEMU.
package enum QEMUUser {
    /// Above what distributions and directory services give out (systemd's "UIDs and GIDs" lists 1879048192 as unused).
    private static let firstNumber: UInt32 = 1_879_048_192
    private static let nobody: UInt32 = 65534

    /// The credentials to change to; nil where nothing is to be dropped. `number` tells machines apart.
    package static func credentials(number: Int32) throws -> ChildSpecification.Credentials? {
        guard Host.effectiveUser == 0 else { return nil }
        let own = firstNumber + UInt32(truncatingIfNeeded: number) % (1 << 22)
        let number = try isMapped(own) ? own : nobody
        // The group that may open /dev/kvm is all that is kept.
        let groups = [Files.group(of: "/dev/kvm")].compactMap { $0 }.filter { $0 != 0 }
        return .init(uid: number, gid: number, groups: groups)
    }

    /// In a container's user namespace only some numbers exist.
    private static func isMapped(_ number: UInt32) throws -> Bool {
        let text = String(decoding: try Files.read("/proc/self/uid_map", limit: 1 << 16), as: UTF8.self)
        return text.split(separator: "\n").contains { line in
            let fields = line.split(separator: " ").compactMap { UInt64($0) }
            return fields.count == 3 && (fields[0]..<(fields[0] + fields[2])).contains(UInt64(number))
        }
    }
}
