import Testing

@testable import Archive

@Suite struct ArchiveCpioTests {
    private func archive(_ fill: (CpioWriter) throws -> Void) throws -> [UInt8] {
        var bytes: [UInt8] = []
        let writer = CpioWriter { bytes += $0 }
        try fill(writer)
        try writer.finish()
        return bytes
    }

    private func modules() throws -> [UInt8] {
        try archive { writer in
            for directory in ["lib", "lib/modules", "lib/modules/6.1"] { try writer.append(directory: directory) }
            try writer.append(file: "lib/modules/6.1/a.ko", contents: Array("abcde".utf8))
            try writer.append(file: "lib/modules/6.1/empty", mode: 0o600, contents: [])
        }
    }

    private func check(_ bytes: [UInt8], limits: ModulesArchive.Limits = .init()) throws -> ModulesArchive {
        try ModulesArchive(checking: ArchiveFixture.source(bytes, piece: 13), limits: limits)
    }

    private func fault(_ fill: (CpioWriter) throws -> Void) throws -> ArchiveError {
        let bytes = try archive(fill)
        return try #require(throws: ArchiveError.self) { try check(bytes) }
    }

    @Test func goldenHeader() throws {
        let bytes = try archive { try $0.append(file: "init", mode: 0o755, contents: [1]) }
        let header =
            "07070100000001000081ED000000000000000000000001" + "0000000000000001" + String(repeating: "0", count: 32)
            + "0000000500000000" + "init\0\0"
        #expect(bytes.prefix(116).elementsEqual(header.utf8))
        #expect(bytes[116..<120].elementsEqual([1, 0, 0, 0]))
        #expect(bytes.count % 4 == 0)
    }

    @Test func gnuCpioListsAndExtractsIt() throws {
        let bytes = try modules()
        let listing = try ArchiveFixture.run(["cpio", "-it", "--quiet"], input: bytes)
        #expect(listing.status == 0 && listing.error.isEmpty)
        #expect(
            listing.text.split(separator: "\n")
                == ["lib", "lib/modules", "lib/modules/6.1", "lib/modules/6.1/a.ko", "lib/modules/6.1/empty"])
        try ArchiveFixture.withDirectory { path, _ in
            let extraction = try ArchiveFixture.run(["cpio", "-id", "--quiet"], in: path, input: bytes)
            #expect(extraction.status == 0)
            #expect(try ArchiveFixture.read("\(path)/lib/modules/6.1/a.ko") == Array("abcde".utf8))
        }
        #expect(try modules() == bytes)
    }

    @Test func readerReturnsWhatWasWritten() throws {
        let reader = CpioReader(source: ArchiveFixture.source(try modules(), piece: 7))
        var found: [String: [UInt8]] = [:]
        while let entry = try reader.next() {
            var contents: [UInt8] = []
            while case let piece = try reader.readData(upTo: 3), !piece.isEmpty { contents += piece }
            #expect(entry.isDirectory != entry.isFile)
            found[entry.path] = contents
        }
        #expect(found.count == 5 && found["lib/modules/6.1/a.ko"] == Array("abcde".utf8))
    }

    @Test func modulesArchiveOfOursAndOfGnuIsAccepted() throws {
        #expect(try check(try modules()).files == 2)
        #expect(try check(try modules()).directories == 3)
        #expect(try check(try modules()).totalBytes == 5)
        try ArchiveFixture.withDirectory { path, _ in
            let script = """
                mkdir -p lib/modules/k && echo hi >lib/modules/k/x.ko && find lib | sort | cpio -o -H newc --quiet
                """
            let made = try ArchiveFixture.run(["sh", "-c", script], in: path)
            #expect(try check(made.out).totalBytes == 3)
        }
    }

    @Test(arguments: ["init", "lib/moduless/x", "lib/firmware/x", "bin/sh", "lib/modules2"])
    func filesElsewhereAreRefused(name: String) throws {
        let fault = try fault { try $0.append(file: name, contents: []) }
        #expect(fault.code == .refused && fault.message.contains(name) && fault.message.contains("lib/modules/"))
    }

    @Test func directoriesAndBitsOutOfRuleAreRefused() throws {
        #expect(try fault { try $0.append(directory: "etc") } == ArchiveError(.refused, ""))
        #expect(try fault { try $0.append(file: "lib/modules", contents: []) }.message.contains("must be a directory"))
        let setuid = try fault { try $0.append(file: "lib/modules/x", mode: 0o4755, contents: []) }
        #expect(setuid.message.contains("setuid"))
        let deep = "lib/modules/" + String(repeating: "d/", count: 800) + "x"
        #expect(try fault { try $0.append(file: deep, contents: []) }.message.contains("longer than 1024"))
    }

    /// Names and modes that the writer does not write, put into its bytes.
    @Test(arguments: [
        ("lib/modules/../x", "'..'"), ("/lib/modules/xyz", "absolute"), ("lib/modules//xyz", "empty or '.'"),
        ("./lib/modules/xy", "empty or '.'"), ("lib/modules/x\u{1b}y", "control"),
    ])
    func namesThatLeadElsewhereAreRefused(name: String, reason: String) throws {
        let honest = "lib/modules/aaaa".prefix(name.utf8.count)
        let bytes = try archive { try $0.append(file: String(honest), contents: []) }
        let hostile = bytes.prefix(110) + Array(name.utf8) + bytes.dropFirst(110 + name.utf8.count)
        let fault = try #require(throws: ArchiveError.self) { try check(Array(hostile)) }
        #expect(fault.code == .refused && fault.message.contains(reason), "\(fault)")
    }

    @Test(arguments: ["0000A1ED", "000021ED", "000061ED", "000011ED", "0000C1ED", "00000000"])
    func linksAndNodesAreRefused(mode: String) throws {
        var bytes = try archive { try $0.append(file: "lib/modules/x", contents: []) }
        bytes.replaceSubrange(14..<22, with: mode.utf8)
        let fault = try #require(throws: ArchiveError.self) { try check(bytes) }
        #expect(fault.code == .refused && fault.message.contains("lib/modules/x"))
    }

    @Test func hardLinksAreRefused() throws {
        var bytes = try archive { try $0.append(file: "lib/modules/x", contents: []) }
        bytes.replaceSubrange(38..<46, with: "00000002".utf8)
        #expect(throws: ArchiveError(.refused, "")) { try check(bytes) }
    }

    @Test func aSecondArchiveBehindTheTrailerIsRefused() throws {
        let second = try archive { try $0.append(file: "init", contents: []) }
        let bytes = try modules()
        #expect(throws: ArchiveError(.malformed, "")) { try check(bytes + second) }
        #expect(throws: ArchiveError(.malformed, "")) { try check(bytes + [0, 0, 0, 0] + second) }
        #expect(throws: ArchiveError(.malformed, "")) { try check(bytes + [0]) }
        #expect(throws: Never.self) { try check(bytes + [UInt8](repeating: 0, count: 508)) }
    }

    @Test func everyTruncationIsAnErrorWithItsOffset() throws {
        let bytes = try modules()
        for length in 0..<bytes.count {
            let fault = try #require(throws: ArchiveError.self) { try check(Array(bytes.prefix(length))) }
            #expect(fault.code == .truncated && fault.message.contains("byte \(length)"))
        }
    }

    @Test func limitsHold() throws {
        var limits = ModulesArchive.Limits()
        limits.entries = 4
        #expect(throws: ArchiveError(.limitExceeded, "")) { try check(try modules(), limits: limits) }
        limits.entries = 5
        limits.totalBytes = 4
        #expect(throws: ArchiveError(.limitExceeded, "")) { try check(try modules(), limits: limits) }
    }

    @Test func writerHoldsToTheAnnouncedSize() throws {
        let writer = CpioWriter { _ in }
        #expect(throws: ArchiveError(.wrongSize, "")) { try writer.append(file: "a", size: 1) { [] } }
        #expect(throws: ArchiveError(.wrongSize, "")) { try writer.append(file: "a", size: 1) { [1, 2] } }
        #expect(throws: ArchiveError(.limitExceeded, "")) { try writer.append(file: "a", size: 1 << 32) { [] } }
        #expect(throws: ArchiveError(.refused, "")) { try writer.append(directory: "../a") }
        #expect(throws: ArchiveError(.refused, "")) { try writer.append(directory: ".") }
    }
}
