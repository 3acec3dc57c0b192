import Foundation
import GridModel
import StrictJSON
import Testing

/// What `make bench` measures with, and reckons with.
@Suite struct SimulationTests {
    private var scripts: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Scripts/bench.d")
    }

    /// The simulation of sites, the relay that adds delay and loss, the NBD client.
    @Test func itsOwnTestsPass() throws {
        let result = try Workshop.tool(
            "/usr/bin/python3", ["-B", "-m", "unittest", "discover", "-s", scripts.path], in: scripts)
        #expect(result.status == 0, "\(result.error)")
        #expect(result.error.contains("\nOK"), "\(result.error)")
    }

    /// In network namespaces, each with a home that has nothing; in QEMU's place recorded reads.
    @Test(.enabled(if: getuid() == 0, "network namespaces need root"))
    func hostsThatStartAtOnceGetTheirImageThroughOneMirror() throws {
        let sojourn = try Sojourn.installed()
        try Workshop.run(sojourn.program, ["run", "--home", sojourn.home.path, "--os", "debian12", "--", "true"])
        let count = 20
        let output = try Workshop.run(
            "/usr/bin/python3",
            [
                "-B", scripts.appendingPathComponent("start_hosts.py").path, sojourn.program, sojourn.home.path,
                "\(count)",
            ])
        let found = try StrictJSON.decode(JSONValue.self, from: Array(output.utf8), source: "start_hosts.py")
        let received = try #require(found["received"]?.array).compactMap(\.int)
        let needed = try #require(found["needed"]?.int)
        #expect(received.count == count && received.allSatisfy { $0 > needed }, "\(output)")
        // How much of it comes from other hosts is a matter of who is ahead; that it does, ArrivalSharingTests see.
        #expect(try #require(found["served"]?.int) > needed, "\(output)")
        let left = try Workshop.run("/usr/sbin/ip", ["netns", "list"])
        #expect(!left.contains("sojourn-bench"), "\(left)")
    }
}
