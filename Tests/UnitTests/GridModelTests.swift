import GridModel
import Testing

@Suite struct GridModelTests {
    @Test func anEnvironmentHasFourParts() throws {
        let environment = try Environment(parsing: "lhc/pythia8:8.317.2@debian12")
        #expect(environment.software?.experiment == "lhc")
        #expect(environment.software?.name == "pythia8")
        #expect(environment.software?.version == "8.317.2")
        #expect(environment.os == "debian12")
        #expect(environment.description == "lhc/pythia8:8.317.2@debian12")
    }

    @Test func theSystemAloneIsShortForItsMinimalImage() throws {
        #expect(try Environment(parsing: "@debian12") == Environment(parsing: "os/debian12"))
        #expect(try Environment(parsing: "@debian12").description == "os/debian12")
    }

    @Test(arguments: [
        "", "debian12", "lhc@debian12", "lhc/pythia8@debian12", "a/b:c@", "a/b:c@d@e", "/b:c@d", "a/:c@d",
        "a/b:@d", "../b:c@d", "a/b:c@../d", "a/b c:1@d", "@", "a/b:c@\u{e9}",
    ])
    func whatIsNoEnvironmentIsRefused(_ text: String) {
        #expect(throws: GridModelError(.invalidEnvironment, "")) { try Environment(parsing: text) }
    }

    @Test func sizesHaveUnits() throws {
        #expect(try ByteCount(parsing: "1GiB").bytes == 1 << 30)
        #expect(try ByteCount(parsing: "1.5GiB").bytes == 3 << 29)
        #expect(try ByteCount(parsing: "2GB").bytes == 2_000_000_000)
        #expect(try ByteCount(parsing: "512M").bytes == 512 << 20)
        #expect(try ByteCount(parsing: "4096").bytes == 4096)
        #expect(try ByteCount(parsing: "1536MiB").description == "1536MiB")
        #expect(ByteCount(4096 * 3).description == "12KiB")
        #expect(ByteCount(0).description == "0")
    }

    @Test(arguments: ["", "GiB", "-1GiB", "1 GiB", "1XB", "nan", "inf", "1e3", "0x10", "99999999999TiB", "1.2.3G"])
    func whatIsNoSizeIsRefused(_ text: String) {
        #expect(throws: GridModelError(.invalidQuantity, "")) { try ByteCount(parsing: text) }
    }

    @Test func coresAreANumberOrARange() throws {
        #expect(try CoreRange(parsing: "2").description == "2")
        #expect(try CoreRange(parsing: "1-4").most == 4)
        for text in ["", "0", "-1", "4-1", "1-", "-4", "a", "1-2-3", "1.5", "2000"] {
            #expect(throws: GridModelError(.invalidQuantity, "")) { try CoreRange(parsing: text) }
        }
    }

    @Test func timesHaveUnits() throws {
        for (text, seconds) in [
            ("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172_800), ("45", 45), ("01:30:00", 5400),
        ] {
            #expect(try WallTime(parsing: text).seconds == Int64(seconds))
        }
        #expect(WallTime(seconds: 5400).description == "1h30m")
        for text in ["", "0", "0s", "m", "1x", "-5m", "1h5", "400d", "1:2", "00:61:00", "１m"] {
            #expect(throws: GridModelError(.invalidQuantity, "")) { try WallTime(parsing: text) }
        }
    }

    @Test func digestsAreWholeAndLowerCase() throws {
        let hex = String(repeating: "0a", count: 32)
        #expect(try Digest(parsing: "sha256:\(hex)").hex == hex)
        #expect(Digest(bytes: [UInt8](repeating: 10, count: 32)).description == "sha256:\(hex)")
        for text in [
            hex, "sha256:\(hex.uppercased())", "sha256:\(hex.dropLast())", "sha512:\(hex)",
            "sha256:../\(hex.dropLast(3))",
        ] {
            #expect(throws: GridModelError(.invalidDigest, "")) { try Digest(parsing: text) }
        }
    }

    /// Against dates known from elsewhere (`date -u -d @N`).
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
            (1_257_777_000, "2009-11-09T14:30:00Z"), (4_102_444_800, "2100-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] as [(Int64, String)])
    func timestampsAreUTC(_ seconds: Int64, _ text: String) throws {
        #expect(Timestamp(seconds: seconds).description == text)
        #expect(try Timestamp(parsing: text).seconds == seconds)
        #expect(throws: GridModelError.self) { try Timestamp(parsing: "-" + text.dropFirst()) }
        #expect(throws: GridModelError.self) { try Timestamp(parsing: "2026-02-29T00:00:00Z") }
    }

    @Test func machineNamesSortByTimeAndAreChecked() throws {
        var generator = SplitMix(state: 1)
        let first = MachineID(seconds: 1_257_777_000, using: &generator)
        let second = MachineID(seconds: 1_257_777_001, using: &generator)
        #expect(first < second)
        #expect(first.text.hasPrefix("20091109-143000-"))
        #expect(try MachineID(parsing: first.text) == first)
        for text in ["", "..", "20091109-143000-k3x9q", "20091109-143000-../../", "20091109_143000_k3x9qa"] {
            #expect(throws: GridModelError(.invalidMachineID, "")) { try MachineID(parsing: text) }
        }
    }
}
