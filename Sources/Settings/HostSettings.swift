package import GridModel
import StrictYAML

/// What a site has chosen for the machines of a host.
package struct HostSettings: Sendable, Equatable {
    /// The highest level that machines see; nil: as high as the host goes.
    package var processor: ArchitectureLevel?
    /// Each machine gets processors of the host that no other machine of the home has.
    package var pinning: Bool?
    /// Memory of machines comes from the host's huge pages.
    package var hugepages: Bool?
    /// HEPscore23 or HS06 of the whole host.
    package var benchmark: Double?

    package init() {}

    init(_ reader: inout YAMLReader) throws {
        processor = try reader.parsed("processor", ArchitectureLevel.init(parsing:))
        pinning = reader.has("pinning") ? try reader.boolean("pinning") : nil
        hugepages = reader.has("hugepages") ? try reader.boolean("hugepages") : nil
        benchmark = try reader.parsed("benchmark", as: .quantity) { text in
            guard let value = Double(text), value >= 0.01, value < 1e6 else {
                throw GridModelError(.invalidQuantity, "'\(text)' is no benchmark's result; write for example 24.5")
            }
            return value
        }
    }

    /// What the host's file says is the host's; a home can lower the processor, and choose what the host's file leaves open.
    /// A host that has a file accounts by that: a home's benchmark then is no matter.
    func under(_ system: HostSettings) -> HostSettings {
        var settings = system
        settings.processor = [system.processor, processor].compactMap { $0 }.min()
        settings.pinning = system.pinning ?? pinning
        settings.hugepages = system.hugepages ?? hugepages
        return settings
    }
}
