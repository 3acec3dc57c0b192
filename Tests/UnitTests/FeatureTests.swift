import GridModel
import GuestProtocol
import QEMU
import StrictJSON
import Testing

@testable import Machine
@testable import Policy

/// Machine/Job Features (HSF-TN-2016-02): which keys there are, and that none says what is not so.
@Suite struct FeatureTests {
    private static func specification(
        cores: Int = 2, wall: WallTime? = nil, cpu: WallTime? = nil, benchmark: Double? = nil
    ) throws -> MachineSpecification {
        var generator = SplitMix(state: 1)
        var hosting = MachineSpecification.Host(processor: "max", architecture: .v3, cores: 8)
        hosting.benchmark = benchmark
        let grant = Grant(
            architecture: .v3, cores: cores, memory: .gibibytes(2), scratch: .gibibytes(10), swap: .mebibytes(512),
            wall: wall, cpu: cpu, network: .none, output: .gibibytes(1))
        let digest = try Digest(parsing: "sha256:\(String(repeating: "a", count: 64))")
        return MachineSpecification(
            id: MachineID(seconds: 1_000_000_000, using: &generator), created: Timestamp(seconds: 1_000_000_000),
            requested: Requirement(), grant: grant, image: digest,
            environment: Environment(software: nil, os: "debian12"),
            kernel: digest, accelerator: .tcg, hosting: hosting,
            user: .init(uid: 1000, gid: 1000, name: "ada", home: "/home/ada", groups: []),
            payload: .init(command: ["true"], directory: "/", environment: [], terminal: nil))
    }

    private static let start: UInt64 = 1_700_000_000

    private static func texts(_ specification: MachineSpecification) -> [String: String] {
        let documents = FeatureDocuments(specification).documents
        return Dictionary(uniqueKeysWithValues: documents.map { ($0.name, $0.text(start: start)) })
    }

    @Test func everyKeyOfTheSpecificationThatIsDetermined() throws {
        let specification = try Self.specification(
            wall: WallTime(seconds: 3600), cpu: WallTime(seconds: 5000), benchmark: 98.6)
        #expect(
            Self.texts(specification) == [
                "machinefeatures/total_cpu": "8", "machinefeatures/hs06": "98.6", "machinefeatures/grace_secs": "10",
                "jobfeatures/allocated_cpu": "2", "jobfeatures/hs06_job": "24.65",
                "jobfeatures/shutdowntime_job": "1700003600", "jobfeatures/grace_secs_job": "10",
                "jobfeatures/jobstart_secs": "1700000000", "jobfeatures/job_id": "\(specification.id)",
                "jobfeatures/wall_limit_secs": "3600", "jobfeatures/cpu_limit_secs": "5000",
                "jobfeatures/max_rss_bytes": "2147483648", "jobfeatures/max_swap_bytes": "536870912",
                "jobfeatures/scratch_limit_bytes": "10737418240",
            ])
    }

    @Test func whatNobodyLimitedIsLeftOut() throws {
        let texts = Self.texts(try Self.specification())
        for key in ["shutdowntime_job", "wall_limit_secs", "cpu_limit_secs", "hs06_job"] {
            #expect(texts["jobfeatures/\(key)"] == nil)
        }
        #expect(texts["machinefeatures/hs06"] == nil)
        // None is foreseen: some readers drain at its mere presence.
        #expect(texts["machinefeatures/shutdowntime"] == nil)
        #expect(texts["jobfeatures/jobstart_secs"] == "1700000000")
    }

    /// A fault of earlier managers: the limit is for all processors together.
    @Test func theProcessorTimeOfAWallLimitIsMultipliedByTheCores() throws {
        let texts = Self.texts(try Self.specification(cores: 4, wall: WallTime(seconds: 600)))
        #expect(texts["jobfeatures/cpu_limit_secs"] == "2400")
        #expect(texts["jobfeatures/wall_limit_secs"] == "600")
    }

    /// Nobody asks for these, but a specification is a file.
    @Test func whatIsBeyondAllMeasureIsNoTrap() throws {
        let texts = Self.texts(
            try Self.specification(cores: 4, wall: WallTime(seconds: .max / 2), benchmark: 1e300))
        #expect(texts["jobfeatures/cpu_limit_secs"] == "\(Int64.max)")
        #expect(texts["machinefeatures/hs06"] == "1e+300")
    }

    /// A record that a hostile guest has made unreadable would be none.
    @Test func aGuestsFiguresStayWithinWhatItsMachineHas() throws {
        let specification = try Self.specification()
        var end = GuestMessage.PayloadEnd(status: .exited(0))
        end.peakMemoryBytes = 1 << 20
        #expect(MachineRecord.Usage(end, of: specification).peakMemory == .mebibytes(1))
        for keyPath in [
            \.userMicroseconds, \.systemMicroseconds, \.peakMemoryBytes, \.peakSwapBytes, \.peakScratchBytes,
            \.readBytes, \.writtenBytes,
        ] as [WritableKeyPath<GuestMessage.PayloadEnd, UInt64>] { end[keyPath: keyPath] = .max }
        let usage = MachineRecord.Usage(end, of: specification)
        #expect(usage.peakMemory == specification.machineMemory)
        #expect(usage.peakScratch == .gibibytes(10) && usage.peakSwap == .mebibytes(512))
        #expect(usage.userMilliseconds < 1 << 53 && usage.readBytes == (1 << 53) - 1)
        let bytes = try StrictJSON.encode(usage)
        #expect(try StrictJSON.decode(MachineRecord.Usage.self, from: bytes, source: "usage") == usage)
    }

    @Test(arguments: [(24.0, "24"), (24.5, "24.5"), (24.05, "24.05"), (0.333, "0.33")])
    func aBenchmarkIsANumberThatEveryReaderReads(_ value: Double, _ text: String) throws {
        #expect(Self.texts(try Self.specification(benchmark: value))["machinefeatures/hs06"] == text)
    }

    @Test func anAnnouncedEndLeavesTheGrace() throws {
        let document = FeatureDocuments(try Self.specification()).shutdown(announced: 1_700_000_000)
        #expect(document == GuestDocument(name: "jobfeatures/shutdowntime_job", text: "1700000010"))
    }

    // MARK: Documents' names

    @Test func aDocumentHasOneDirectoryAtMost() {
        for name in ["environment.json", "check.dsse.json", "jobfeatures/job_id", "a-b/C_1"] {
            #expect(GuestDocument.isName(name))
        }
        for name in ["", "/", "a/", "/a", "a//b", "a/b/c", "..", "../a", "a/..", "a/.b", ".a", "a b", "a\u{0}", "é"] {
            #expect(!GuestDocument.isName(name), "\(name)")
            let message = HostMessage.document(GuestDocument(name: name, text: ""))
            #expect(throws: ProtocolError(.malformed, "")) { try HostMessage(message.frame(sequence: 1)) }
        }
    }

    // MARK: Requests

    private static func read(_ text: String) -> FeatureRequest.Reading { FeatureRequest.read(Array(text.utf8)) }

    @Test(arguments: [
        ("/", FeatureRequest.Target.directory(nil)), ("/jobfeatures", .directory("jobfeatures")),
        ("/machinefeatures/", .directory("machinefeatures")),
        ("/jobfeatures/job_id", .key("job_id", in: "jobfeatures")),
        ("/machinefeatures/hs06", .key("hs06", in: "machinefeatures")),
    ])
    func goodRequestsAreUnderstood(_ path: String, _ target: FeatureRequest.Target) {
        for end in ["\r\n\r\n", "\n\n", "\r\nHost: x\r\n\r\n"] {
            #expect(Self.read("GET \(path) HTTP/1.1\(end)") == .request(.init(target: target, isHead: false)))
            #expect(Self.read("HEAD \(path) HTTP/1.0\(end)") == .request(.init(target: target, isHead: true)))
        }
    }

    @Test(arguments: [
        "/etc/passwd", "/jobfeatures/../../etc/passwd", "/jobfeatures/..", "/jobfeatures/.new", "/jobfeatures/a/b",
        "/jobfeatures//", "/jobfeatures/%6aob_id", "/jobfeatures/JOB_ID", "/environment.json", "//", "jobfeatures",
        "/jobfeatures/\(String(repeating: "a", count: 101))",
    ])
    func nothingElseIsServed(_ path: String) {
        #expect(Self.read("GET \(path) HTTP/1.1\r\n\r\n") == .refused(.notFound))
    }

    @Test func otherRequestsAreRefused() {
        #expect(Self.read("POST / HTTP/1.1\r\n\r\n") == .refused(.methodNotAllowed))
        #expect(Self.read("GET / HTTP/2\r\n\r\n") == .refused(.badRequest))
        #expect(Self.read("GET /\r\n\r\n") == .refused(.badRequest))
        #expect(Self.read("\r\n\r\n") == .refused(.badRequest))
        #expect(Self.read("GET / HTTP/1.1\r\n") == .incomplete)
        #expect(Self.read("") == .incomplete)
        let long = "GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: FeatureRequest.mostBytes))"
        #expect(Self.read(long) == .refused(.tooLarge))
        #expect(Self.read(long + "\r\n\r\n") == .refused(.tooLarge))
    }

    @Test func anAnswerSaysItsLength() {
        let answer = String(decoding: FeatureRequest.answer(.ok, Array("42".utf8)), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(answer.hasSuffix("\r\nContent-Length: 2\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n42"))
        let head = FeatureRequest.answer(.ok, Array("42".utf8), isHead: true)
        #expect(String(decoding: head, as: UTF8.self) == answer.dropLast(2))
    }
}
