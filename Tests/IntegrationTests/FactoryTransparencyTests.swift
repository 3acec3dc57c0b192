import Foundation
import StrictJSON
import Testing

/// Everything about an image can be read with other people's tools, and agrees with what a machine sees.
@Suite struct FactoryTransparencyTests {
    let workshop: Workshop

    init() throws { workshop = try Workshop() }

    @Test(arguments: ["os/debian12", Workshop.software])
    func skopeoCopiesAnImageAndChecksItsFilesystems(_ environment: String) throws {
        let digest = try workshop.ensure(environment)
        try Workshop.run(
            "/usr/bin/skopeo",
            ["--insecure-policy", "copy", "oci:\(workshop.home)/images:\(environment)", "dir:\(workshop.path("copy"))"])
        let manifest = try Data(contentsOf: URL(fileURLWithPath: workshop.path("copy/manifest.json")))
        #expect(FileManager.default.contents(atPath: workshop.blob(digest)) == manifest)
        for layer in try workshop.layers(environment) {
            try Workshop.run("/usr/bin/fsck.erofs", [workshop.path("copy/\(layer.dropFirst(7))")])
        }
    }

    /// Additions, changes, removals and rights of two layers.
    @Test func theListOfFilesIsWhatAMachineSees() throws {
        let name = "test/listed:1@debian12"
        try workshop.built(
            try workshop.recipe(
                name,
                """
                build:
                  - |
                    rm -rf /usr/share/doc/apt /usr/bin/faillog; mkdir -p /usr/local/x/y; echo data > /usr/local/x/y/z
                    chmod 4755 /usr/local/x/y/z; chown 7:8 /usr/local/x/y/z; ln -s ../nowhere /usr/local/x/link
                    ln /usr/local/x/y/z /usr/local/x/same; echo changed > /usr/share/base-files/motd; mkdir -m 1750 /usr/local/s
                    rm -rf /usr/share/zoneinfo; echo a file now > /usr/share/zoneinfo
                permit: {setUserID: [/usr/local/x/y/z, /usr/local/x/same]}
                """))
        try workshop.sojourn(["image", "show", name, "--files", "--json"]).output.write(
            toFile: workshop.path("rows"), atomically: true, encoding: .utf8)
        let rows = try workshop.place.text("rows").split(separator: "\n").map {
            try StrictJSON.decode(JSONValue.self, from: Array($0.utf8), source: "image show --files")
        }
        var listed: Set<String> = []
        for row in rows where row["type"]?.string != "removed" {
            let path = row["path"]?.string ?? ""
            guard path.hasPrefix("/usr/") || path.hasPrefix("/etc/"), !Self.contextualised(path) else { continue }
            let type = row["type"]?.string ?? ""
            let target = row["target"]?.string ?? row["digest"]?.string.map { String($0.dropFirst(7)) } ?? ""
            let mode = type == "link" ? "0777" : row["mode"]?.string ?? ""
            listed.insert("\(type) \(mode) \(row["uid"]?.int ?? -1):\(row["gid"]?.int ?? -1) \(target) \(path)")
        }
        try #require(listed.count > 2000)
        let seen = Set(try look(name).filter { !Self.contextualised(String($0.split(separator: " ").last ?? "")) })
        #expect(seen.subtracting(listed).sorted().prefix(10) == [], "seen, but not listed")
        #expect(listed.subtracting(seen).sorted().prefix(10) == [], "listed, but not seen")
        #expect(rows.contains { $0["type"]?.string == "removed" && $0["path"]?.string == "/usr/bin/faillog" })
    }

    /// What a start adds, as every machine needs it.
    private static func contextualised(_ path: String) -> Bool {
        ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/passwd", "/etc/group", "/etc/machine-id"].contains(
            path)
    }

    private func look(_ name: String) throws -> [String] {
        let output = try workshop.run(
            name,
            """
            find /usr /etc -xdev -mindepth 1 -type d -printf 'dir %04m %U:%G  %p\\n'
            find /usr /etc -xdev -type l -printf 'link 0777 %U:%G %l %p\\n'
            find /usr /etc -xdev -type f -printf 'file %04m %U:%G  %p\\n' > /tmp/files
            find /usr /etc -xdev -type f -exec sha256sum {} + > /tmp/sums
            awk 'NR == FNR { sum[substr($0, 67)] = $1; next } { path = $0; sub(/^[^\\/]*/, "", path); print $1, $2, $3, sum[path], path }' \\
                /tmp/sums /tmp/files
            """)
        return output.split(separator: "\n").map(String.init)
    }

    @Test(arguments: ["os/debian12", "os/debian11", Workshop.software])
    func theBillOfMaterialsIsSoundAndHasEveryPackage(_ environment: String) throws {
        let digest = try workshop.ensure(environment)
        let path = workshop.path("image.spdx.json")
        try FileManager.default.copyItem(atPath: workshop.referrer(of: digest, "application/spdx+json"), toPath: path)
        let said = try Oracle.spdx(path)
        let document = try workshop.json(path)
        let listed = Set(
            (document["packages"]?.array ?? []).map {
                "\($0["name"]?.string ?? "") \($0["versionInfo"]?.string ?? "")"
            })
        let locked = try inputs(of: environment)
        #expect(said["packages"]?.int.map { $0 >= locked.count } == true, "\(said)")
        for input in locked { #expect(listed.contains("\(input.name) \(input.version)"), "\(input)") }
    }

    @Test(arguments: ["os/debian12", Workshop.software])
    func whereAnImageComesFromIsSignedAndNamesEveryInput(_ environment: String) throws {
        let digest = try workshop.ensure(environment)
        let path = try workshop.referrer(of: digest, "https://slsa.dev/provenance/v1")
        let said = try Oracle.envelope(path, key: "\(workshop.home)/keys/home.pub")
        #expect(said["subjects"] == [["sha256": .string(String(digest.dropFirst(7)))]])
        let dependencies = said["predicate"]?["buildDefinition"]?["resolvedDependencies"]?.array ?? []
        let named = Set(dependencies.compactMap { $0["digest"]?["sha256"]?.string })
        for input in try inputs(of: environment) { #expect(named.contains(input.sha256), "\(input)") }
        for check in try workshop.referrers(of: digest, FactoryCheckTests.resultType) {
            let result = try Oracle.envelope(check, key: "\(workshop.home)/keys/home.pub")
            #expect(result["predicate"]?["result"]?.string == "PASSED")
        }
    }

    @Test func anEnvelopeOfAnotherKeyIsNotBelieved() throws {
        let digest = try workshop.ensure("os/debian12")
        try workshop.shell("openssl genpkey -algorithm ed25519 2>&- | openssl pkey -pubout -out other.pub")
        let path = try workshop.referrer(of: digest, "https://slsa.dev/provenance/v1")
        #expect(try !Oracle.accepts(path, key: workshop.path("other.pub")))
    }

    private struct Input {
        let name: String
        let version: String
        let sha256: String
    }

    /// Packages and wheels of its lock.
    private func inputs(of environment: String) throws -> [Input] {
        let layers = try #require(try workshop.show(environment, "--lock")["layers"]?.array)
        let all = layers.flatMap { ($0["packages"]?.array ?? []) + ($0["wheels"]?.array ?? []) }
        try #require(all.count > 80)
        return all.map {
            Input(
                name: $0["name"]?.string ?? "", version: $0["version"]?.string ?? "",
                sha256: String(($0["digest"]?.string ?? "").dropFirst(7)))
        }
    }
}
