import Foundation
import Testing

@testable import Commands
@testable import GridModel
@testable import Linux
@testable import StrictYAML

@Suite struct RequirementTests {
    private static let schema = RecipeSchemaTests.examples + "/requirement.schema.json"

    private static let good = [
        "os: debian12", "environment: lhc/pythia8:8.317.2@debian12", "environment: os/debian12",
        "version: 1\ncores: 4\nmemory: 2GiB-8GiB\nscratch: 20GB\nwall: 1h30m", "cores: 1-8\nmemoryPerCore: 2GiB",
        "architecture: x86-64-v3\nnetwork: outgoing\ngpus: 0\nswap: 1GiB\ncpu: 90\noutput: 64MiB", "wall: '01:30:00'",
        "memory: 1073741824",
    ]

    private static let bad = [
        "os: 12", "os: a/b", "environment: debian12", "os: d\nenvironment: os/d", "cores: 0", "cores: 1-2-3",
        "cores: many",
        "memory: lots", "memory: 1GiB\nmemoryPerCore: 1GiB", "memory: -1", "wall: soon", "wall: 0", "network: all",
        "gpus: -1", "gpus: one", "architecture: v3", "version: 2", "memroy: 1GiB", "- a", "swap: 1GiB-2GiB",
        "cores: [1]",
    ]

    /// Only the parser compares the ends of a range.
    private static let badToTheParser = ["cores: 4-1", "memory: 8GiB-2GiB", "scratch: 1TiB-1GiB", "wall: 900d"]

    private func complaint(_ yaml: String) throws -> String {
        do {
            _ = try RequirementDocument.parse(Array(yaml.utf8), file: "job.yaml")
            return ""
        } catch let fault as YAMLFault {
            return fault.description
        }
    }

    @Test(.enabled(if: SchemaOracle.isThere, SchemaOracle.remedy)) func schemaAndParserAgree() throws {
        let all = Self.good + Self.bad + Self.badToTheParser
        for (index, verdict) in try SchemaOracle.complaints(of: all, schema: Self.schema).enumerated() {
            let isBad = index >= Self.good.count && index < Self.good.count + Self.bad.count
            #expect(verdict.isEmpty != isBad, "\(all[index]): \(verdict)")
            let fault = try complaint(all[index])
            #expect(fault.isEmpty == (index < Self.good.count), "\(all[index]): \(fault)")
        }
    }

    @Test func faultsNameFileLineAndRemedy() throws {
        #expect(
            try complaint("cores: 2\nmemory: 8GiB-2GiB\n")
                == "job.yaml:2: 'memory': '8GiB-2GiB': the range is upside down; write 2GiB-8GiB")
        #expect(try complaint("os: d\nmemroy: 1GiB").contains("job.yaml:2: unknown key 'memroy'; did you mean memory"))
        #expect(try complaint("memory: 1GiB\nmemoryPerCore: 1GiB").contains("job.yaml:2: 'memory' and 'memoryPerCore'"))
    }

    @Test func wishesStandOverOneAnother() throws {
        func parse(_ yaml: String) throws -> Requirement { try RequirementDocument.parse(Array(yaml.utf8), file: "x") }
        let flags = try parse("os: debian13\nmemoryPerCore: 1GiB\nwall: 1h")
        let file = try parse("environment: lhc/a:1@debian12\nmemory: 4GiB\ncores: 4\nwall: 2h")
        let both = flags.over(file)
        #expect(both.wantedEnvironment?.description == "os/debian13" && both.environment == nil)
        #expect(both.memory == nil && both.memoryPerCore == ByteRange(.gibibytes(1)))
        #expect(both.cores == CoreRange(4, 4) && both.wall == WallTime(seconds: 3600) && both.cpu == nil)
        #expect(Requirement().over(.defaults) == .defaults)
    }

    private func ofScript(_ text: String) throws -> Requirement {
        try ImageFixture.withDirectory { directory in
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(directory)/job.sh"))
            return try RequirementDocument.ofScript("\(directory)/job.sh")
        }
    }

    @Test func scriptsAskAtTheirBeginning() throws {
        let found = try ofScript(
            "#!/bin/sh\n# A job.\n#SOJOURN os: debian12\n\n#SOJOURN  cores: 1-4\r\n#SBATCH -n 1\n#SOJOURNER x\necho\n"
                + "#SOJOURN memory: 64GiB\n")
        #expect(found.os == "debian12" && found.cores == CoreRange(1, 4) && found.memory == nil)
        #expect(try ofScript("#!/bin/sh\necho\n") == Requirement())
        // No script: a binary, or text that no kernel would run.
        #expect(try ofScript("\u{7f}ELF\n#SOJOURN os: debian12\n") == Requirement())
        #expect(try RequirementDocument.ofScript("/nowhere/job.sh") == Requirement())
        let fault = try #require(throws: YAMLFault.self) { try ofScript("#!/bin/sh\n\n#SOJOURN cores: none\n") }
        #expect(fault.line == 3 && fault.file.hasSuffix("/job.sh"), "\(fault)")
        #expect(throws: YAMLFault.self) { try ofScript("#!/bin/sh\n#SOJOURN --cores 4\n") }
    }
}
