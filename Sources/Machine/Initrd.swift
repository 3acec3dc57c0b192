import Archive
import Linux

/// What the kernel unpacks before it starts pid 1.
enum Initrd {
    /// Concatenates the modules' archive, as it is in the store, and an archive with `agent` as `/init`.
    static func make(modules: Descriptor?, agent: [UInt8]) throws -> Descriptor {
        let file = try Descriptor.memory(named: "initrd")
        while let modules, let bytes = try modules.read(upTo: 1 << 20), !bytes.isEmpty { try file.write(bytes) }
        let writer = CpioWriter { try file.write($0) }
        try writer.append(directory: "dev")
        try writer.append(file: "init", mode: 0o755, contents: agent)
        try writer.finish()
        return file
    }
}
