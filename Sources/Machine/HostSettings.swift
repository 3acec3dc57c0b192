package import GridModel
package import ImageStore
import StrictYAML
import System

/// What a site has chosen for the machines of a host: `config.yaml` in `/etc/sojourn`, and below it in the home.
package struct HostSettings: Sendable, Equatable {
    /// The highest level that machines see; nil: as high as the host goes.
    package var processor: ArchitectureLevel?
    /// Each machine gets processors of the host that no other machine of the home has.
    package var pinning: Bool?
    /// Memory of machines comes from the host's huge pages.
    package var hugepages: Bool?
    /// HEPscore23 or HS06 of the whole host.
    package var benchmark: Double?

    package static let systemFile = "/etc/sojourn/config.yaml"

    package init() {}

    /// Of a host and a home. What the host's file says is the host's; a home can lower the processor, and choose what the
    /// host's file leaves open. A host that has a file accounts by that: a home's benchmark then is no matter.
    package static func read(_ home: Home) throws -> HostSettings {
        let own = try read("\(home.path)/config.yaml") ?? HostSettings()
        guard let system = try read(systemFile) else { return own }
        var settings = system
        settings.processor = [system.processor, own.processor].compactMap { $0 }.min()
        settings.pinning = system.pinning ?? own.pinning
        settings.hugepages = system.hugepages ?? own.hugepages
        return settings
    }

    private static func read(_ path: String) throws -> HostSettings? {
        guard Files.exists(path) else { return nil }
        return try HostSettings(
            parsing: try Files.read(path, limit: YAMLReader.limit), file: path)
    }

    package init(parsing bytes: [UInt8], file: String) throws {
        var reader = try YAMLReader(
            document: bytes, file: file, what: "a configuration", beginning: "processor: x86-64-v2")
        processor = try reader.parsed("processor", ArchitectureLevel.init(parsing:))
        pinning = reader.has("pinning") ? try reader.boolean("pinning") : nil
        hugepages = reader.has("hugepages") ? try reader.boolean("hugepages") : nil
        benchmark = try reader.parsed("benchmark", as: .quantity) { text in
            guard let value = Double(text), value >= 0.01, value < 1e6 else {
                throw GridModelError(.invalidQuantity, "'\(text)' is no benchmark's result; write for example 24.5")
            }
            return value
        }
        try reader.finish()
    }
}
