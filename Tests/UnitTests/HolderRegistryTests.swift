import Testing

@testable import Distribution
@testable import GridModel
@testable import Settings

/// A registry that changes where it is asked.
private final class Hosts {
    var value: HolderRegistry

    init(mostHosts: Int = 4096, mostHostsPerAddress: Int = 8, mostPairs: Int = 1_000_000) {
        value = HolderRegistry(mostHosts: mostHosts, mostHostsPerAddress: mostHostsPerAddress, mostPairs: mostPairs)
    }

    func announce(_ blobs: Set<Digest>, at address: String, port: Int, now: Duration) -> Bool {
        value.announce(blobs, at: address, port: port, now: now)
    }
}

/// What a mirror believes hosts of themselves: little, and not for long.
@Suite struct HolderRegistryTests {
    private func blob(_ number: Int) throws -> Digest {
        let digits = String(number, radix: 16)
        return try Digest(parsing: "sha256:" + String(repeating: "0", count: 64 - digits.count) + digits)
    }

    private func holders(_ registry: Hosts, _ blob: Digest, at now: Duration) -> Set<String> {
        var random = SystemRandomNumberGenerator()
        return Set(registry.value.holders(of: blob, now: now, using: &random))
    }

    @Test func whatHostsSayIsToldUntilItIsOld() throws {
        let registry = Hosts()
        let (one, two) = (try blob(1), try blob(2))
        #expect(registry.announce([one, two], at: "10.0.0.3", port: 8471, now: .zero))
        #expect(registry.announce([one], at: "fd00::3", port: 8471, now: .seconds(60)))
        #expect(holders(registry, one, at: .seconds(61)) == ["http://10.0.0.3:8471", "http://[fd00::3]:8471"])
        #expect(holders(registry, two, at: .seconds(61)) == ["http://10.0.0.3:8471"])
        #expect(holders(registry, one, at: .seconds(121)) == ["http://[fd00::3]:8471"])
        #expect(holders(registry, one, at: .seconds(181)) == [])
        // The last word counts, and a host that goes says so.
        #expect(registry.announce([two], at: "fd00::3", port: 8471, now: .seconds(182)))
        #expect(holders(registry, one, at: .seconds(183)) == [])
        #expect(registry.announce([], at: "fd00::3", port: 8471, now: .seconds(184)))
        #expect(holders(registry, two, at: .seconds(185)) == [])
    }

    @Test func fewAreToldOfMany() throws {
        let registry = Hosts()
        for host in 0..<200 {
            #expect(registry.announce([try blob(1)], at: "10.0.1.\(host)", port: 8471, now: .zero))
        }
        let one = try blob(1)
        let told = (0..<50).map { _ in holders(registry, one, at: .zero) }
        #expect(told.allSatisfy { $0.count == HolderRegistry.mostTold })
        #expect(Set(told.joined()).count > 100, "always the same few are told")
    }

    @Test func nobodyFillsTheMemory() throws {
        let registry = Hosts(mostHosts: 10, mostHostsPerAddress: 3, mostPairs: 40)
        let blobs = Set(try (0..<5).map(blob))
        for port in 2000..<2003 { #expect(registry.announce(blobs, at: "10.0.0.1", port: port, now: .zero)) }
        // One address, many ports.
        #expect(!registry.announce(blobs, at: "10.0.0.1", port: 2003, now: .zero))
        #expect(registry.announce(blobs, at: "10.0.0.1", port: 2002, now: .zero), "the same host again")
        for host in 2..<7 { #expect(registry.announce(blobs, at: "10.0.0.\(host)", port: 2000, now: .zero)) }
        // Killed ones said no farewell: their ports are free when they are old.
        let later = Hosts(mostHosts: 10, mostHostsPerAddress: 3, mostPairs: 40)
        for port in 2000..<2003 { #expect(later.announce(blobs, at: "10.0.0.1", port: port, now: .zero)) }
        #expect(later.announce(blobs, at: "10.0.0.1", port: 2003, now: .seconds(120)))
        // Forty pairs.
        #expect(!registry.announce([try blob(1)], at: "10.0.0.7", port: 2000, now: .zero))
        #expect(registry.value.count == 8)
        // What is old makes room.
        #expect(registry.announce(blobs, at: "10.0.0.7", port: 2000, now: .seconds(120)))
        let left = holders(registry, try blob(1), at: .seconds(121))
        #expect(registry.value.count == 1 && left == ["http://10.0.0.7:2000"])
    }

    @Test(arguments: [
        "", "{}", "[]", "{\"port\":80,\"blobs\":[]}", "{\"port\":70000,\"blobs\":[]}", "{\"port\":-1,\"blobs\":[]}",
        "{\"port\":8471}", "{\"port\":8471,\"blobs\":[\"x\"]}", "{\"port\":8471,\"blobs\":[\"sha256:../../x\"]}",
        "{\"port\":8471,\"blobs\":\"all\"}", "{\"port\":8471,\"port\":8472,\"blobs\":[]}",
    ])
    func whatIsNoAnnouncementIsRefused(text: String) throws {
        let sound = try HolderRegistry.Announcement(decoding: Array("{\"port\":8471,\"blobs\":[]}".utf8))
        #expect(sound.port == 8471)
        #expect(throws: (any Error).self) { try HolderRegistry.Announcement(decoding: Array(text.utf8)) }
    }

    @Test func tooManyBlobsAreRefused() throws {
        let name = "\"\(try blob(1))\""
        let text = "{\"port\":8471,\"blobs\":[\(Array(repeating: name, count: 4097).joined(separator: ","))]}"
        #expect(throws: DistributionError.self) { try HolderRegistry.Announcement(decoding: Array(text.utf8)) }
    }

    @Test func aMirrorLeadsToHostsOnly() {
        let sound = ["http://10.0.0.3:8471", "http://[fd00::3]:8471", "http://127.0.0.1:65535"]
        let others = [
            "http://10.0.0.3:80", "http://10.0.0.3", "https://10.0.0.3:8471", "http://intranet:8471",
            "http://10.0.0.3:8471/x",
            "http://u@10.0.0.3:8471", "http://10.0.0.3:8471?x", "http://10.0.0.300:8471", "http://010.0.0.3:8471",
            "http://0x7f.0.0.1:8471",
            "http://[fd00::3%eth0]:8471", "http://[x]:8471", "http://10.0.0.3:08471", "http://10.0.0.3:+8471", "",
            "file:///etc/passwd",
        ]
        #expect(HolderList(holders: others + sound).plausible == sound)
        #expect(HolderList(holders: Array(repeating: sound[0], count: 1000)).plausible.count <= 64)
    }
}

@Suite struct MirrorSettingsTests {
    private func document(_ text: String) throws -> ConfigurationDocument {
        try ConfigurationDocument(parsing: Array(text.utf8), file: "config.yaml")
    }

    @Test func mirrorsAndSharingAreConfigured() throws {
        let found = try document("mirrors: [http://a.org:8470, https://b.org/m]\nshare-blocks: 0.0.0.0:8471\n")
        #expect(found.mirrors.map(\.description) == ["http://a.org:8470", "https://b.org/m"])
        #expect(found.shareBlocks?.description == "0.0.0.0:8471")
        let empty = try document("processor: x86-64-v2\n")
        #expect(empty.mirrors == [] && empty.shareBlocks == nil)
    }

    @Test(arguments: [
        ("mirrors: http://a.org\n", "must be a list"), ("mirrors: [ftp://a.org]\n", "begins with neither"),
        ("share-blocks: 8471\n", "share-blocks"), ("share-blocks: :8471\n", "names no address"),
        ("share-blocks: 10.0.0.1:99999\n", "its port is none"),
    ])
    func whatIsNoneIsRefused(text: String, words: String) {
        let error = #expect(throws: (any Error).self) { try document(text) }
        #expect("\(String(describing: error))".contains(words), "\(String(describing: error))")
    }

    @Test func tooManyMirrorsAreRefused() {
        let list = (0..<17).map { "http://m\($0).org" }.joined(separator: ", ")
        let error = #expect(throws: (any Error).self) { try document("mirrors: [\(list)]\n") }
        #expect("\(String(describing: error))".contains("more than 16 mirrors"))
    }

    /// The host's mirrors are asked first, and its choice of sharing holds.
    @Test func theHostsChoiceComesFirst() throws {
        let home = "mirrors: [http://b.org, http://a.org]\nshare-blocks: 127.0.0.1:9000\n"
        let system = "mirrors: [http://a.org]\nshare-blocks: 127.0.0.1:8471\n"
        try ConfigurationPlace.with(system: system, home: home) { place in
            let site = try place.read().site
            #expect(site.mirrors.map(\.description) == ["http://a.org", "http://b.org"])
            #expect(site.shareBlocks?.port == 8471)
        }
        try ConfigurationPlace.with(home: home) { place in
            let site = try place.read().site
            #expect(site.shareBlocks?.port == 9000)
        }
    }

    @Test(arguments: [
        ("0.0.0.0:8470", "0.0.0.0", 8470), ("[::]:8470", "::", 8470), ("mirror.example.org:0", "mirror.example.org", 0),
    ])
    func addressesToListenAtAreRead(text: String, host: String, port: Int) throws {
        let address = try ListeningAddress(parsing: text)
        #expect(address.host == host && address.port == port && address.description == text)
    }

    @Test(arguments: [
        "", ":", "8470", "::1:8470x", "[]:1", "a b:1", "a:65536", "a:-1", "::1:80", "a/b:80", "http://a:80",
    ])
    func othersAreRefused(text: String) {
        #expect(throws: ConfigurationError.self) { try ListeningAddress(parsing: text) }
    }
}
