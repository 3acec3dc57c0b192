import Glibc
import GuestProtocol
import Linux

/// The one network card of a machine that may open connections: QEMU's user network, whose addresses are fixed (QEMU's
/// "System Emulation", Network emulation).
enum OutgoingNetwork {
    private static let card = "eth0"
    private static let address: UInt32 = 10 << 24 | 2 << 8 | 15
    private static let gateway: UInt32 = 10 << 24 | 2 << 8 | 2
    private static let nameServer = "10.0.2.3"

    /// The driver has been loaded.
    static func configure() throws {
        let deadline = ContinuousClock.now.advanced(by: .seconds(5))
        while !Files.exists("/sys/class/net/\(card)") {
            guard ContinuousClock.now < deadline else {
                throw SystemError(
                    code: 0,
                    message: "no network card appeared: this kernel artifact lacks virtio_net; "
                        + "rebuild the kernel from a recipe that lists it under 'modules'")
            }
            _ = try Poll.wait([], until: ContinuousClock.now.advanced(by: .milliseconds(5)))
        }
        try Boot.configure(interface: card, address: address, length: 24, gateway: gateway)
        // In some images a link to a file of a service that does not run here.
        try Files.remove("/etc/resolv.conf")
        try Contextualisation.put("nameserver \(nameServer)\n", into: "/etc/resolv.conf")
    }
}
