import Testing

@testable import Archive

@Suite struct ArchiveTarTests {
    private typealias Fixture = ArchiveFixture

    private func archive(_ fill: (TarWriter) throws -> Void) throws -> [UInt8] {
        var bytes: [UInt8] = []
        let writer = TarWriter { bytes += $0 }
        try fill(writer)
        try writer.finish()
        return bytes
    }

    /// Every kind and every reason for a pax header.
    private let samples: [TarEntry] = [
        TarEntry(path: "dir", kind: .directory, mode: 0o755, uid: 1000, gid: 100, mtime: 1_700_000_000),
        TarEntry(path: "dir/file", kind: .file(size: 700), mode: 0o4711, uid: 4_000_000_000, gid: 3_000_000, mtime: -5),
        TarEntry(path: String(repeating: "p/", count: 70) + "split", kind: .file(size: 0), mode: 0o644),
        TarEntry(path: String(repeating: "n", count: 200), kind: .file(size: 512), mode: 0o644, mtime: 1 << 40),
        TarEntry(path: "naïve", kind: .symbolicLink(target: "dir/file"), mode: 0o777),
        TarEntry(path: "long", kind: .symbolicLink(target: String(repeating: "t", count: 101)), mode: 0o777),
        TarEntry(path: String(repeating: "d", count: 100), kind: .directory, mode: 0o700),
        TarEntry(path: "new\nline", kind: .file(size: 1), mode: 0),
    ]

    private func contents(_ entry: TarEntry) -> [UInt8] {
        guard case .file(let size) = entry.kind else { return [] }
        return (0..<Int(size)).map { UInt8(truncatingIfNeeded: $0) }
    }

    @Test func readerReturnsWhatTheWriterWrote() throws {
        let bytes = try archive { writer in
            for sample in samples { try writer.append(sample, contents: contents(sample)) }
        }
        let reader = TarReader(source: Fixture.source(bytes, piece: 100), entryLimit: 100)
        for sample in samples {
            #expect(try reader.next() == sample)
            var data: [UInt8] = []
            while case let piece = try reader.readData(upTo: 64), !piece.isEmpty { data += piece }
            #expect(data == contents(sample))
        }
        #expect(try reader.next() == nil)
        #expect(try reader.next() == nil)
        #expect(try Fixture.entries(bytes) == samples)
    }

    @Test func gnuTarAndPythonReadTheSame() throws {
        let bytes = try archive { writer in
            for sample in samples { try writer.append(sample, contents: contents(sample)) }
        }
        let listing = try Fixture.run(["tar", "-t", "--quoting-style=literal", "-f", "-"], input: bytes)
        #expect(listing.status == 0 && listing.error.isEmpty, "\(listing.error)")
        #expect(listing.text == samples.map { $0.path + ($0.kind == .directory ? "/\n" : "\n") }.joined())
        let script = """
            import sys, tarfile
            for i in tarfile.open(fileobj=sys.stdin.buffer, mode='r|'):
                print(repr((i.name, i.size, i.mode, i.uid, i.gid, int(i.mtime), i.linkname, i.type.decode())))
            """
        let python = try Fixture.run(["python3", "-X", "utf8", "-c", script], input: bytes)
        #expect(python.text.contains("('dir/file', 700, 2505, 4000000000, 3000000, -5, '', '0')"), "\(python.error)")
        #expect(python.text.contains("('naïve', 0, 511, 0, 0, 0, 'dir/file', '2')"))
        #expect(python.text.split(separator: "\n").count == samples.count)
        try Fixture.withDirectory { path, _ in
            let extraction = try Fixture.run(["tar", "-xf", "-"], in: path, input: bytes)
            #expect(extraction.status == 0, "\(extraction.error)")
            #expect(try Fixture.read("\(path)/dir/file") == contents(samples[1]))
        }
    }

    @Test(arguments: ["ustar", "pax", "gnu", "oldgnu", "v7"])
    func readsGnuTar(format: String) throws {
        try Fixture.withDirectory { path, _ in
            let long = format == "gnu" || format == "pax" ? String(repeating: "l", count: 180) : "short"
            let script = """
                mkdir -p d && printf hello >"d/\(long)" && ln -s "\(long)" d/link && ln d/\(long) d/zhard
                touch -d @1700000000.5 "d/\(long)"
                tar --format=\(format) --sort=name --owner=7 --group=8 --numeric-owner -cf - d
                """
            let made = try Fixture.run(["sh", "-c", script], in: path)
            let entries = try Fixture.entries(made.out).sorted { $0.path < $1.path }
            #expect(Set(entries.map(\.path)) == ["d", "d/\(long)", "d/link", "d/zhard"])
            #expect(entries.first?.kind == .directory)
            #expect(entries.contains { $0.kind == .symbolicLink(target: long) && $0.path == "d/link" })
            #expect(entries.contains { $0.kind == .file(size: 5) && $0.mtime == 1_700_000_000 && $0.uid == 7 })
            #expect(entries.contains { $0.kind == .hardLink(target: "d/\(long)") })
        }
    }

    @Test func readsPythonsGlobalHeadersNodesAndBase256() throws {
        let pax = try Fixture.tar(
            format: "PAX_FORMAT",
            """
            out.pax_headers = {'mtime': '77.9'}
            add('node', type=CHRTYPE, devmajor=1, devminor=3); add('pipe', type=FIFOTYPE)
            add('block', type=BLKTYPE); add('u', b'x', uid=5000000000 - 1000000000)
            """)
        #expect(try Fixture.entries(pax).map(\.kind) == [.characterDevice, .fifo, .blockDevice, .file(size: 1)])
        #expect(try Fixture.entries(pax).last?.uid == 4_000_000_000)
        let gnu = try Fixture.tar("add('u', b'x', uid=4000000000, mtime=-3)")
        #expect(try Fixture.entries(gnu).first?.uid == 4_000_000_000)
        #expect(try Fixture.entries(gnu).first?.mtime == -3)
        var global = try Fixture.block("g", flag: "g", size: 26, payload: Array("10 uid=42\n16 mtime=-1.250\n".utf8))
        global += try Fixture.block("a", flag: "0") + Fixture.endMark
        #expect(try Fixture.entries(global).map(\.uid) == [42])
        #expect(try Fixture.entries(global).map(\.mtime) == [-2])
    }

    @Test func sizesBeyond8GiBAreAnnouncedAndReadBack() throws {
        let size: Int64 = 9 << 30
        struct Enough: Error {}
        var header: [UInt8] = []
        let writer = TarWriter { bytes in
            if !header.isEmpty { throw Enough() }
            header = bytes
        }
        let entry = TarEntry(path: "big", kind: .file(size: size), mode: 0o644)
        #expect(throws: Enough.self) { try writer.append(entry) { [0] } }
        let reader = TarReader(source: Fixture.source(header), entryLimit: 3)
        #expect(try reader.next() == entry)
        #expect(throws: ArchiveError(.truncated, "")) { try reader.next() }
        let base256 = try Fixture.run([
            "python3", "-c",
            "import sys,tarfile as t; i=t.TarInfo('h'); i.size=9<<30; sys.stdout.buffer.write(i.tobuf(t.GNU_FORMAT))",
        ])
        #expect(try TarReader(source: Fixture.source(base256.out), entryLimit: 3).next()?.kind == .file(size: size))
    }

    @Test func everyTruncationNamesItsOffset() throws {
        let bytes = try archive { try $0.append(samples[3], contents: contents(samples[3])) }
        for length in stride(from: 0, to: bytes.count, by: 61) {
            let fault = try Fixture.fault(Array(bytes.prefix(length)))
            #expect(fault.code == .truncated && fault.message.contains("byte \(length) "), "\(fault)")
        }
    }

    @Test func everyFlippedHeaderByteIsNoticed() throws {
        let bytes = try archive { try $0.append(samples[0]) }
        // 154 and 155 only end the checksum.
        for index in 0..<512 where index != 154 && index != 155 {
            var damaged = bytes
            damaged[index] ^= 1
            #expect(throws: ArchiveError(.checksum, ""), "byte \(index)") { try Fixture.entries(damaged) }
        }
        #expect(try Fixture.fault([UInt8](repeating: 65, count: 1024)).code == .checksum)
    }

    @Test func hostileHeadersAreRefused() throws {
        func code(_ blocks: [UInt8]...) throws -> ArchiveError.Code {
            try Fixture.fault(blocks.flatMap { $0 } + Fixture.endMark).code
        }
        func pax(_ records: String) throws -> [UInt8] {
            try Fixture.block("x", flag: "x", size: Int64(records.utf8.count), payload: Array(records.utf8))
        }
        let file = try Fixture.block("f", flag: "0")
        #expect(try code(pax("12 path=a\0b\n"), file) == .malformed)
        let invalid = Array("11 path=".utf8) + [0xff, 0xfe, 10]
        #expect(try code(Fixture.block("f", flag: "x", size: 11, payload: invalid), file) == .malformed)
        #expect(try code(pax("99 path=a\n"), file) == .malformed)
        #expect(try code(pax("6 path\n"), file) == .malformed)
        #expect(try code(pax("99999999999999999999 path=a\n"), file) == .malformed)
        #expect(try code(pax("11 size=-1\n"), file) == .malformed)
        #expect(try code(pax("28 size=9223372036854775807\n"), file) == .malformed)
        #expect(try code(pax("22 GNU.sparse.major=1\n"), file) == .malformed)
        #expect(try code(pax("18 uid=4294967296\n"), file) == .malformed)
        #expect(try code(pax("10 path=a\n")) == .malformed)
        #expect(try code(pax("10 path=a\n"), pax("10 path=b\n"), file) == .malformed)
        let long = try Fixture.block("L", flag: "L", size: 2, payload: [97, 0])
        #expect(try code(long, pax("10 path=a\n"), file) == .malformed)
        #expect(try code(Fixture.block("L", flag: "L", size: 3, payload: [97, 0, 98]), file) == .malformed)
        #expect(try code(Fixture.block("L", flag: "L", size: 5000), file) == .limitExceeded)
        #expect(try code(Fixture.block("x", flag: "x", size: 2 << 20), file) == .limitExceeded)
        #expect(try code(Fixture.block("", flag: "0")) == .malformed)
        #expect(try code(Fixture.block("s", flag: "S")) == .malformed)
        #expect(try code(Fixture.block("d", flag: "5", size: 512), Fixture.block("x", flag: "0")) == .malformed)
        #expect(try Fixture.fault(file + [UInt8](repeating: 0, count: 512) + file).code == .malformed)
        let path = "/" + String(repeating: "a", count: 4096)
        #expect(try code(pax("4108 path=\(path)\n"), file) == .limitExceeded)
    }

    @Test func entryLimitCountsEveryHeader() throws {
        let global = try Fixture.block("g", flag: "g")
        let bomb = (0..<20).flatMap { _ in global } + Fixture.endMark
        #expect(try Fixture.fault(bomb, limit: 19).code == .limitExceeded)
        #expect(try Fixture.entries(bomb, limit: 20).isEmpty)
    }

    @Test func writerHoldsToTheAnnouncedSizeAndKinds() throws {
        let writer = TarWriter { _ in }
        let file = TarEntry(path: "f", kind: .file(size: 2), mode: 0o644)
        #expect(throws: ArchiveError(.wrongSize, "")) { try writer.append(file, contents: [1]) }
        #expect(throws: ArchiveError(.wrongSize, "")) { try writer.append(file, contents: [1, 2, 3]) }
        for (path, kind) in [("", .directory), ("a\0b", .directory), ("a", .fifo)] as [(String, TarEntry.Kind)] {
            #expect(throws: ArchiveError(.refused, "")) {
                try writer.append(TarEntry(path: path, kind: kind, mode: 0o644))
            }
        }
    }

    @Test func base256NumbersAreExact() {
        #expect(TarHeader.number([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]) == 258)
        #expect(TarHeader.number([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]) == -2)
        #expect(TarHeader.number([0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]) == nil)
        #expect(TarHeader.number([0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]) == .max)
        #expect(TarHeader.number([0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]) == nil)
        #expect(TarHeader.number(Array("0000x44\0".utf8)[...]) == nil)
        #expect(TarHeader.number(Array("   644 \0".utf8)[...]) == 0o644)
    }
}
