package import GridModel
import Linux
import StrictJSON

/// The processors that machines see: one of QEMU's models for each level, the same on every host that reaches the level.
package enum Processor {
    /// QEMU's name of the model (docs/system/cpu-models-x86).
    package static func model(_ level: ArchitectureLevel) -> String {
        switch level {
        case .v1: "qemu64"
        case .v2: "Nehalem"
        case .v3: "Haswell-noTSX"
        case .v4: "Skylake-Server-noTSX-IBRS"
        }
    }

    /// What a level adds to the one below, in QEMU's names (x86-64 psABI, table 3.1).
    private static func features(_ level: ArchitectureLevel) -> Set<String> {
        switch level {
        case .v1: []
        case .v2: ["cx16", "lahf-lm", "popcnt", "sse4.1", "sse4.2", "ssse3"]
        case .v3: ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"]
        case .v4: ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]
        }
    }

    /// The highest level whose model QEMU gives on this host with all that the level needs.
    static func highestLevel(_ accelerator: Accelerator, program: String) throws -> ArchitectureLevel {
        let missing = try unavailableFeatures(accelerator, program: program)
        var needed: Set<String> = []
        var highest = ArchitectureLevel.v1
        for level in ArchitectureLevel.allCases {
            needed.formUnion(features(level))
            guard let absent = missing[model(level)], needed.isDisjoint(with: absent) else { break }
            highest = level
        }
        return highest
    }

    /// Of every model, what this host lacks of it (QMP `query-cpu-definitions`).
    private static func unavailableFeatures(
        _ accelerator: Accelerator, program: String
    ) throws -> [String: Set<String>] {
        let (socket, end) = try Socket.pair()
        let null = try Descriptor.open("/dev/null", 2)
        var child = ChildSpecification(
            program,
            [
                "-S", "-nodefaults", "-no-user-config", "-display", "none", "-machine", "none", "-accel",
                accelerator.option, "-chardev", "socket,id=monitor,fd=3", "-mon", "chardev=monitor,mode=control",
            ], environment: ["PATH=/usr/bin:/bin", "LC_ALL=C"], descriptors: [null, null, null, end])
        child.directory = "/"
        child.parentDeathSignal = 9
        let qemu = try ChildProcess.spawn(child)
        defer {
            qemu.signal(9)
            _ = try? qemu.wait()
        }
        try socket.write("{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"query-cpu-definitions\"}\n".utf8)
        try socket.setNonblocking()
        let list = try answer(socket)
        return Dictionary(
            list.compactMap { entry in
                guard let name = entry["name"]?.string else { return nil }
                let absent = entry["unavailable-features"]?.array ?? []
                return (
                    name.hasSuffix("-x86_64-cpu") ? String(name.dropLast(11)) : name, Set(absent.compactMap(\.string))
                )
            }, uniquingKeysWith: { $1 })
    }

    /// The first answer that is a list.
    private static func answer(_ socket: Descriptor) throws -> [JSONValue] {
        let deadline = ContinuousClock.now.advanced(by: .seconds(20))
        var buffer: [UInt8] = []
        while try Poll.wait(for: socket.raw, until: deadline), let bytes = try socket.read(upTo: 1 << 16),
            !bytes.isEmpty
        {
            buffer += bytes
            guard buffer.count < 4 << 20 else { break }
            while let end = buffer.firstIndex(of: 10) {
                let value = try StrictJSON.decode(JSONValue.self, from: Array(buffer[..<end]), source: "QMP")
                buffer.removeFirst(end + 1)
                if let list = value["return"]?.array { return list }
            }
        }
        throw QEMUError(
            .protocolViolation, "QEMU did not say which processors it has; see 'qemu-system-x86_64 -cpu help'")
    }
}
