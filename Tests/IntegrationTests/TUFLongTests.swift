import Foundation
import Testing

/// Volume and patience. `make test-long` only.
@Suite(.enabled(if: Sojourn.isLong)) struct TUFLongTests {
    /// Deeds of chance, honest and hostile, in long sequences: python-tuf's client says the same of the same files.
    @Test(arguments: 0..<20)
    func chanceIsJudgedAsPythonDoes(seed: Int) throws {
        let repository = try TUFRepository(
            ["seed": seed, "consistent": seed % 3 != 0, "announced": seed % 2 == 0])
        for role in ["lhc", "belle"] { try repository.delegate(role, paths: ["\(role)/*"]) }
        try repository.delegate("deep", by: "belle", paths: ["belle/*"], terminating: true)
        for path in ["targets/file0", "lhc/file0", "belle/file0"] {
            try repository.target(path, "first", in: String(path.prefix { $0 != "/" }))
        }
        try repository.publish()
        let client = try TUFClient(repository)
        var story: [String] = []
        var refusals = 0
        for _ in 0..<60 {
            story.append(try #require(try repository("chance") as? String))
            let time = try repository.wait(days: 0)
            let path = ["targets/file0", "lhc/file0", "belle/file0", "lhc/file1"].randomElement() ?? ""
            try? FileManager.default.removeItem(at: client.targets)
            let result = try client.download(path, at: time)
            let other = try client.oracleRefusal([path])
            #expect(
                (result.status == 0) == other.isEmpty,
                "seed \(seed): \(story.suffix(12)), \(path): '\(result.error)' and '\(other)'")
            refusals += result.status == 0 ? 0 : 1
            guard (result.status == 0) == other.isEmpty else { return }
            for (name, text) in try client.state() {
                let theirs = client.oracle.appendingPathComponent(name)
                if result.status == 0, ["root.json", "timestamp.json", "snapshot.json", "targets.json"].contains(name) {
                    #expect(try text == String(contentsOf: theirs, encoding: .utf8), "seed \(seed): \(story): \(name)")
                }
            }
        }
        #expect((5...55).contains(refusals), "\(refusals) of 60 refused: \(story)")
    }

    /// The lowest rate and the longest silence are those of every fetch: half a minute until it is noticed.
    @Test(arguments: ["slow", "stalled"], ["metadata/timestamp.json", "metadata/2.targets.json", "targets/file"])
    func slowServersAreGivenUp(behaviour: String, name: String) throws {
        let repository = try TUFRepository(["consistent": true])
        try repository.target("file", String(repeating: "x", count: 5000))
        try repository.publish()
        let client = try TUFClient(repository)
        let served = name.hasPrefix("targets") ? try repository.served("file") : name
        try repository("save", ["name": "fast"])
        try repository("serve", ["name": served, "behaviour": behaviour])
        let start = ContinuousClock.now
        let result = try client.download("file")
        #expect(result.status == 1)
        #expect(result.error.contains("try again later"), "\(result.error)")
        #expect(ContinuousClock.now - start < .seconds(75))
        #expect(try client.artifacts() == [:])
        try repository("load", ["name": "fast"])
        try client.download("file").expectDone()
    }
}
