import Testing

@testable import GridModel
@testable import Policy

@Suite struct MatchTests {
    private static let host = HostFacts(
        name: "h", cores: 8, freeCores: 6, memory: .gibibytes(32), freeMemory: .gibibytes(20), freeDisk: .gibibytes(50),
        architecture: .v2)
    private static let image = ImageOffer(
        environment: Environment(software: nil, os: "debian12"), memory: .mebibytes(256), cores: 1, architecture: .v1)

    private func match(
        host: HostFacts = host, image: ImageOffer? = image, _ change: (inout Requirement) throws -> Void
    ) rethrows -> Match {
        var requirement = Requirement()
        try change(&requirement)
        return Match(requirement, on: host, image: image)
    }

    /// The one field that does not fit, and why.
    private func fault(
        host: HostFacts = host, image: ImageOffer? = image, _ change: (inout Requirement) throws -> Void
    ) throws -> String {
        let match = try match(host: host, image: image, change)
        #expect(match.grant == nil && match.faults.count == 1, "\(match.faults)")
        let field = try #require(match.faults.first)
        return "\(field.name) \(field.asked): \(field.fault ?? "")"
    }

    @Test func nothingAskedGetsTheDefaults() throws {
        let grant = try #require(match { _ in }.grant)
        #expect(grant.cores == 1 && grant.memory == .gibibytes(1) && grant.scratch == .gibibytes(10))
        #expect(grant.network == .none && grant.wall == nil && grant.swap.bytes == 0 && grant.architecture == .v2)
    }

    @Test func rangesTakeTheMostThatIsFree() throws {
        let grant = try #require(
            match {
                $0.cores = CoreRange(2, 16)
                $0.memory = ByteRange(.gibibytes(2), .gibibytes(64))
                $0.scratch = ByteRange(.gibibytes(2), .gibibytes(500))
                $0.swap = .gibibytes(10)
            }.grant)
        #expect(grant.cores == 6 && grant.memory == .gibibytes(20) && grant.scratch == .gibibytes(40))
        // The least is given though others have the cores: they are shared.
        #expect(match { $0.cores = CoreRange(8, 8) }.grant?.cores == 8)
    }

    @Test func memoryPerCoreIsForTheCoresThatAreGiven() throws {
        let grant = try #require(
            match {
                $0.cores = CoreRange(1, 16)
                $0.memoryPerCore = ByteRange(.gibibytes(6), .gibibytes(7))
            }.grant)
        // Three cores have room for six each, and then for a little more.
        #expect(grant.cores == 3 && grant.memory == .gibibytes(20))
        #expect(
            try fault {
                $0.cores = CoreRange(4, 4)
                $0.memoryPerCore = ByteRange(.gibibytes(7))
            }.hasPrefix("memoryPerCore 7GiB: this host has 20 GiB free of 32 GiB"))
    }

    @Test func whatDoesNotFitIsToldWithItsRemedy() throws {
        #expect(
            try fault { $0.cores = CoreRange(9, 12) }
                == "cores 9-12: this host has 8; ask for at most 8, or give a range such as 1-12")
        #expect(
            try fault { $0.memory = ByteRange(.gibibytes(64)) } == "memory 64GiB: this host has 32 GiB; ask for less")
        #expect(
            try fault { $0.memory = ByteRange(.gibibytes(24)) }.contains("20 GiB free of 32 GiB; ask for less, or wait")
        )
        #expect(
            try fault(image: nil) { $0.memory = ByteRange(.mebibytes(64)) }.contains("a machine needs 128MiB at least"))
        #expect(
            try fault { $0.memory = ByteRange(.mebibytes(200)) } == "memory 200MiB: os/debian12 needs 256MiB at least")
        #expect(try fault { $0.scratch = ByteRange(.mebibytes(1)) }.contains("a machine needs 16MiB at least"))
        #expect(try fault { $0.scratch = ByteRange(.gibibytes(51)) }.contains("has 50 GiB free"))
        #expect(try fault { $0.gpus = 1 }.contains("gpus 1: this host gives machines no GPUs"))
        #expect(try fault { $0.architecture = .v3 }.contains("the machines of this host have x86-64-v2"))
        #expect(
            try fault {
                $0.wall = WallTime(seconds: 3600)
                $0.cpu = WallTime(seconds: 7201)
                $0.cores = CoreRange(2, 2)
            }.hasPrefix("cpu 2h1s: 2 cores cannot spend more than 2h within the wall time of 1h"))
        #expect(try fault { $0.os = "debian13" }.contains("it is another system"))
        #expect(try fault { $0.environment = Environment(software: nil, os: "el9") }.contains("another environment"))
    }

    @Test func imagesHaveNeedsToo() throws {
        var image = Self.image
        (image.cores, image.architecture) = (4, .v3)
        #expect(try fault(image: image) { $0.cores = CoreRange(4, 4) }.contains("os/debian12 needs x86-64-v3"))
        image.architecture = .v2
        #expect(try fault(image: image) { $0.cores = CoreRange(1, 3) }.contains("os/debian12 needs 4 at least"))
        #expect(match(image: image) { $0.cores = CoreRange(1, 5) }.grant?.cores == 5)
        image.memory = .gibibytes(2)
        #expect(
            match(image: image) {
                $0.cores = CoreRange(4, 4)
                $0.memory = ByteRange(.gibibytes(1), .gibibytes(3))
            }.grant?.memory == .gibibytes(3))
    }

    @Test func absurdNumbersDoNotOverflow() {
        let match = match {
            $0.cores = CoreRange(1024, 1024)
            $0.memoryPerCore = ByteRange(ByteCount(.max))
            $0.scratch = ByteRange(ByteCount(.max))
            $0.swap = ByteCount(.max)
        }
        #expect(match.grant == nil && match.faults.count >= 3)
    }
}

@Suite struct AdviceTests {
    private func run(
        cores: Int = 4, elapsed: Double = 100, processor: Double, memory: Int64, shortage: UsedResources.Shortage? = nil
    ) -> UsedResources {
        UsedResources(
            cores: cores, memory: .gibibytes(4), scratch: .gibibytes(10), swap: ByteCount(0),
            wall: WallTime(seconds: 3600), cpu: nil,
            elapsed: elapsed, processor: processor, peakMemory: .mebibytes(memory),
            peakSwap: ByteCount(0), peakScratch: .mebibytes(100),
            shortage: shortage)
    }

    private func suggestions(_ runs: [UsedResources]) -> [String: String] {
        Dictionary(uniqueKeysWithValues: Advice.from(runs).map { ($0.field, $0.suggested) })
    }

    @Test func whatWasNotUsedIsNotAskedForAgain() {
        let found = suggestions([run(processor: 105, memory: 1000)])
        #expect(
            found["cores"] == "1" && found["memory"] == "1216MiB" && found["wall"] == "3m"
                && found["scratch"] == "128MiB")
    }

    @Test func theLargestRunCounts() {
        let found = suggestions([run(elapsed: 400, processor: 1200, memory: 3000), run(processor: 105, memory: 1000)])
        #expect(found["cores"] == "3" && found["memory"] == "3648MiB" && found["wall"] == "10m")
    }

    @Test func whoEndedForWantIsToldToAskForMore() {
        #expect(suggestions([run(processor: 390, memory: 4000, shortage: .memory)])["memory"] == "6GiB")
        #expect(suggestions([run(processor: 390, memory: 400, shortage: .wall)])["wall"] == "2h")
        #expect(suggestions([run(processor: 390, memory: 400, shortage: .scratch)])["scratch"] == "20GiB")
        #expect(suggestions([run(processor: 390, memory: 400)])["cores"] == "4")
        #expect(Advice.from([]).isEmpty)
    }
}
