import GuestProtocol
import Linux

/// What the supervisor wrote on the kernel's command line.
struct KernelArguments {
    let layers: Int
    let isProbe: Bool

    /// Reads /proc/cmdline.
    init() throws {
        let line = String(decoding: try Files.read("/proc/cmdline", limit: 65536), as: UTF8.self)
        let words = line.split(whereSeparator: \.isWhitespace)
        isProbe = words.contains { $0 == GuestLink.probeArgument }
        let prefix = GuestLink.layersArgument + "="
        layers = words.first { $0.hasPrefix(prefix) }.flatMap { Int($0.dropFirst(prefix.count)) } ?? 0
    }
}
