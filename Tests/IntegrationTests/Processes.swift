import Foundation
import StrictJSON
import Testing

/// The host's processes, as /proc shows them.
enum Processes {
    /// Those with `text` in their command line.
    static func mentioning(_ text: String) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap(Int32.init).filter { pid in
            guard pid != getpid(), let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else {
                return false
            }
            return String(decoding: data, as: UTF8.self).contains(text)
        }
    }

    /// The one QEMU of a machine.
    static func qemu(of machine: String) throws -> Int32 {
        try eventually(.seconds(30), "QEMU of \(machine)") { !mentioning("sojourn-\(machine)").isEmpty }
        return try #require(mentioning("sojourn-\(machine)").first)
    }

    static func supervisor(of machine: String) throws -> Int32 {
        try #require(mentioning("machine\0run\0").first { pid in mentioning(machine).contains(pid) })
    }

    /// Waits until nothing of a machine runs any longer.
    static func expectNone(of machine: String, sharing directory: URL) throws {
        try eventually(.seconds(20), "the end of all processes of \(machine)") {
            mentioning(machine).isEmpty && mentioning("source=\(directory.path)").isEmpty
        }
    }
}

/// A machine of a test that says its own name: `echo $SOJOURN_MACHINE` is the payload's first line.
struct Subject {
    let running: Running
    let id: String
    let directory: String
    let sojourn: Sojourn
    let shared: URL

    /// Starts `command` (for sh) and waits until it runs.
    init(_ sojourn: Sojourn, options: [String] = [], in shared: URL, _ command: String) throws {
        running = try sojourn.start(
            ["run", "--os", "debian12"] + options + ["--", "sh", "-c", "echo $SOJOURN_MACHINE.; \(command)"],
            in: shared,
            input: nil)
        try running.wait(for: ".\n")
        id = String(running.output.prefix { $0 != "." })
        directory = "\(sojourn.home.path)/machines/\(id)"
        self.sojourn = sojourn
        self.shared = shared
    }

    var record: JSONValue? {
        guard let data = FileManager.default.contents(atPath: "\(directory)/record.json") else { return nil }
        return try? StrictJSON.decode(JSONValue.self, from: Array(data), source: "record.json")
    }

    func waitForRecord() throws -> JSONValue {
        try eventually(.seconds(60), "the record of \(id)") { record != nil }
        return try #require(record)
    }

    /// What must hold after every end: a record of that kind, nothing running, nothing volatile left.
    func expectEnd(_ kind: String) throws {
        #expect(try waitForRecord()["outcome"]?["kind"]?.string == kind)
        try Processes.expectNone(of: id, sharing: shared)
        let left = try FileManager.default.contentsOfDirectory(atPath: directory)
        let volatile = left.filter {
            $0.hasSuffix(".img") || $0.hasSuffix(".tar") || $0.hasSuffix("socket") || $0.hasSuffix(".tmp")
        }
        #expect(volatile == [])
        #expect(left.contains("stdout"))
    }
}
