import Linux

/// The programs of QEMU on this host.
package struct QEMUPrograms: Sendable {
    package let system: String
    /// Nil where only isolated machines can run.
    package let virtiofsd: String?

    package static let installation = "apt-get install qemu-system-x86 qemu-system-common"

    package static func find() throws -> QEMUPrograms {
        let path = Host.variable("PATH")
        guard let system = Files.findProgram("qemu-system-x86_64", path: path) else {
            throw QEMUError(
                .missing, "no qemu-system-x86_64 on this host, which runs the machines; install it: \(installation)")
        }
        // Debian 12 has the C virtiofsd of QEMU here; later systems a package of its own.
        let daemons = ["/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd"]
        return QEMUPrograms(system: system, virtiofsd: daemons.first(where: Files.isExecutable))
    }

    package func requireVirtiofsd() throws -> String {
        guard let virtiofsd else {
            throw QEMUError(
                .missing,
                "no virtiofsd on this host, which shares directories with machines; install it: "
                    + "\(Self.installation), or use --isolated")
        }
        return virtiofsd
    }
}
