import Linux

/// The machine's disks, found by the serials that the supervisor gave them.
struct Disks {
    private let paths: [String: String]

    init() throws {
        var found: [String: String] = [:]
        for name in try Files.list("/sys/block") {
            let serial = "/sys/block/\(name)/serial"
            guard Files.exists(serial) else { continue }
            found[String(decoding: try Files.read(serial, limit: 64).filter { $0 > 32 }, as: UTF8.self)] =
                "/dev/\(name)"
        }
        paths = found
    }

    func path(_ serial: String) throws -> String {
        guard let path = paths[serial] else {
            throw SystemError(code: 0, message: "the machine has no disk '\(serial)'")
        }
        return path
    }

    func has(_ serial: String) -> Bool { paths[serial] != nil }
}
