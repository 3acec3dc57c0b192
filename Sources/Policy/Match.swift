package import GridModel

/// A requirement held against one host and one image: each field, and what the job would get.
package struct Match: Codable, Equatable, Sendable {
    package struct Field: Codable, Equatable, Sendable {
        /// As in a requirement: `cores`.
        package let name: String
        package let asked: String
        /// What host and image have.
        package let offered: String
        /// Why it does not fit, and what to do; nil where it fits.
        package let fault: String?
    }

    package let fields: [Field]
    /// Nil where a field does not fit.
    package let grant: Grant?

    /// The least of which a machine can be made.
    package static let leastMemory = ByteCount.mebibytes(128)
    package static let leastScratch = ByteCount.mebibytes(16)

    /// Holds `requirement`, over the defaults, against a host and an image; without one, what can be judged without.
    package init(_ requirement: Requirement, on host: HostFacts, image: ImageOffer?) {
        var matching = Matching(asked: requirement.over(.defaults), host: host, image: image)
        let grant = matching.run()
        fields = matching.fields
        self.grant = fields.contains { $0.fault != nil } ? nil : grant
    }

    package var faults: [Field] { fields.filter { $0.fault != nil } }
}

/// Goes through the fields of one requirement.
private struct Matching {
    let asked: Requirement
    let host: HostFacts
    let image: ImageOffer?
    private(set) var fields: [Match.Field] = []

    init(asked: Requirement, host: HostFacts, image: ImageOffer?) {
        self.asked = asked
        self.host = host
        self.image = image
    }

    mutating func run() -> Grant {
        environment()
        architecture()
        let cores = cores()
        let memory = memory(cores)
        let scratch = scratch()
        wall()
        cpu(cores)
        note("network", asked.network?.description, offered: "none, outgoing")
        gpus()
        note("output", asked.output?.description, offered: "any")
        return Grant(
            architecture: host.architecture, cores: cores, memory: memory, scratch: scratch,
            swap: asked.swap ?? ByteCount(0), wall: asked.wall, cpu: asked.cpu, network: asked.network ?? .none,
            output: asked.output ?? ByteCount(0))
    }

    private mutating func note(_ name: String, _ asked: String?, offered: String, fault: String? = nil) {
        fields.append(.init(name: name, asked: asked ?? "-", offered: offered, fault: fault))
    }

    // MARK: What runs

    private mutating func environment() {
        guard let image else { return }
        let offered = image.environment.description
        if let wanted = asked.environment {
            let fault = wanted == image.environment ? nil : "it is another environment"
            return note("environment", wanted.description, offered: offered, fault: fault)
        }
        guard let os = asked.os else { return note("environment", nil, offered: offered) }
        note("os", os, offered: image.environment.os, fault: os == image.environment.os ? nil : "it is another system")
    }

    private mutating func architecture() {
        let wanted = asked.architecture ?? .v1
        var fault: String?
        if wanted > host.architecture {
            fault = "the machines of this host have \(host.architecture); choose a host of a higher level"
        } else if let image, image.architecture > host.architecture {
            fault =
                "\(image.environment) needs \(image.architecture), the machines of this host have \(host.architecture)"
        }
        note("architecture", wanted.description, offered: host.architecture.description, fault: fault)
    }

    private mutating func gpus() {
        let wanted = asked.gpus ?? 0
        let fault = wanted <= host.gpus ? nil : "this host gives machines no GPUs; leave it out, or choose another host"
        note("gpus", "\(wanted)", offered: "\(host.gpus)", fault: fault)
    }

    // MARK: Quantities

    private mutating func cores() -> Int {
        let range = asked.cores ?? .one
        let needed = image?.cores ?? 1
        var fault: String?
        if range.least > host.cores {
            fault =
                "this host has \(host.cores); ask for at most \(host.cores), or give a range such as 1-\(range.most)"
        } else if let image, needed > min(range.most, host.cores) {
            fault = "\(image.environment) needs \(needed) at least; this host has \(host.cores)"
        }
        note("cores", range.description, offered: "\(host.freeCores) of \(host.cores) free", fault: fault)
        var most = min(range.most, host.freeCores)
        if let share = asked.memoryPerCore, share.least.bytes > 0 {
            most = min(most, Int(clamping: host.freeMemory.bytes / share.least.bytes))
        }
        return max(range.least, needed, most)
    }

    private mutating func memory(_ cores: Int) -> ByteCount {
        let isPerCore = asked.memoryPerCore != nil
        let one = asked.memoryPerCore ?? asked.memory ?? ByteRange(Match.leastMemory)
        let factor = isPerCore ? Int64(cores) : 1
        func times(_ size: ByteCount) -> ByteCount {
            let (product, overflows) = size.bytes.multipliedReportingOverflow(by: factor)
            return ByteCount(overflows ? .max : product)
        }
        let (least, most) = (times(one.least), times(one.most))
        let needed = max(image?.memory ?? Match.leastMemory, Match.leastMemory)
        var fault: String?
        if least > host.memory {
            fault = "this host has \(host.memory.rounded); ask for less"
        } else if let page = host.hugepage, max(least, needed) > host.freeMemory {
            fault =
                "a machine for it takes \(MachineMemory.pages(for: max(least, needed), of: page)) huge pages of \(page), and "
                + "this host has too few free; ask for less, or have more reserved: sysctl vm.nr_hugepages"
        } else if least > host.freeMemory {
            fault =
                "this host has \(host.freeMemory.rounded) free of \(host.memory.rounded); ask for less, or wait until "
                + "other machines have ended"
        } else if most < Match.leastMemory {
            fault = "a machine needs \(Match.leastMemory) at least"
        } else if let image, most < needed {
            fault = "\(image.environment) needs \(needed) at least"
        } else if needed > host.freeMemory {
            fault = "the image needs \(needed), this host has \(host.freeMemory.rounded) free"
        }
        note(
            isPerCore ? "memoryPerCore" : "memory", one.description, offered: "\(host.freeMemory.rounded) free",
            fault: fault)
        return max(least, needed, min(most, host.freeMemory).wholeMebibytes)
    }

    private mutating func scratch() -> ByteCount {
        let range = asked.scratch ?? ByteRange(Match.leastScratch)
        let swap = asked.swap ?? ByteCount(0)
        let free = ByteCount(max(0, host.freeDisk.bytes - swap.bytes))
        var fault: String?
        if range.most < Match.leastScratch {
            fault = "a machine needs \(Match.leastScratch) at least"
        } else if range.least > free {
            fault = "the disk of machines has \(free.rounded) free; ask for less, or make room"
        }
        note("scratch", range.description, offered: "\(free.rounded) free", fault: fault)
        let tooMuch =
            swap > host.freeDisk ? "the disk of machines has \(host.freeDisk.rounded) free; ask for less" : nil
        note("swap", swap.description, offered: "\(host.freeDisk.rounded) free", fault: tooMuch)
        return max(range.least, Match.leastScratch, min(range.most, free).wholeMebibytes)
    }

    // MARK: Times

    private mutating func wall() { note("wall", asked.wall?.description, offered: "any") }

    private mutating func cpu(_ cores: Int) {
        guard let cpu = asked.cpu else { return note("cpu", nil, offered: "any") }
        var fault: String?
        if let wall = asked.wall, cpu > wall.times(cores) {
            let most = wall.times(cores)
            fault =
                "\(cores) core\(cores == 1 ? "" : "s") cannot spend more than \(most) within the wall time of \(wall); ask "
                + "for less cpu or more wall"
        }
        note("cpu", cpu.description, offered: "any", fault: fault)
    }
}

extension ByteCount {
    /// As machines are made: rounded down.
    fileprivate var wholeMebibytes: ByteCount { ByteCount((bytes >> 20) << 20) }
}
