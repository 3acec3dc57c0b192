import Foundation
import Glibc
import Testing

@testable import Archive

@Suite struct ArchiveTreeTests {
    private typealias Fixture = ArchiveFixture

    private func extract(
        _ bytes: [UInt8], into directory: Int32, total: Int64 = 1 << 20, entries: Int = 1000,
        owner: TarExtractor.Owner? = nil
    ) throws -> TarExtractor.Result {
        try TarExtractor.extract(
            Fixture.source(bytes, piece: 1000), into: directory,
            options: .init(totalBytes: total, entries: entries, owner: owner, synchronise: true))
    }

    private func status(_ path: String) throws -> stat {
        var status = stat()
        try #require(lstat(path, &status) == 0, "\(path)")
        return status
    }

    private func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// `body` gets `inside`, where is extracted, within a directory whose other contents must stay as they are.
    private func withTarget(_ body: (_ inside: String, _ descriptor: Int32) throws -> Void) throws {
        try Fixture.withDirectory { outer, _ in
            try Fixture.write("untouched", to: "\(outer)/victim")
            mkdir("\(outer)/inside", 0o755)
            let descriptor = open("\(outer)/inside", O_RDONLY | O_DIRECTORY)
            defer { close(descriptor) }
            try body("\(outer)/inside", descriptor)
            #expect(try Fixture.read("\(outer)/victim") == Array("untouched".utf8))
            #expect(try FileManager.default.contentsOfDirectory(atPath: outer).sorted() == ["inside", "victim"])
            let left = try Fixture.run(["find", "\(outer)/inside", "-name", ".sojourn*"]).text
            #expect(left.isEmpty)
        }
    }

    @Test func extractsModesTimesLinksAndMissingParents() throws {
        let bytes = try Fixture.tar(
            """
            add('./', type=DIRTYPE, mode=0o700)
            add('a/b/c', b'deep', mode=0o6755, mtime=1234567)
            add('ro', type=DIRTYPE, mode=0o555); add('ro/x', b'y', mode=0o400)
            add('a/link', type=SYMTYPE, linkname='../ro/x'); add('self', type=SYMTYPE, linkname='.')
            """)
        try withTarget { inside, descriptor in
            let result = try extract(bytes, into: descriptor, owner: .init(uid: 12, gid: 34))
            #expect(result.refusals.isEmpty)
            #expect(result.files == [.init(path: "a/b/c", size: 4), .init(path: "ro/x", size: 1)])
            let file = try status("\(inside)/a/b/c")
            #expect(file.st_mode == S_IFREG | 0o755 && file.st_mtim.tv_sec == 1_234_567)
            #expect(try status("\(inside)/ro").st_mode == S_IFDIR | 0o755)
            #expect(try Fixture.read("\(inside)/a/link") == Array("y".utf8))
            for path in ["a", "a/b", "a/b/c", "a/link", "ro"] {
                #expect(try status("\(inside)/\(path)").st_uid == 12)
                #expect(try status("\(inside)/\(path)").st_gid == 34)
            }
        }
    }

    @Test(arguments: [
        ("add('../victim', b'x')", "'..'"), ("add('a/../../victim', b'x')", "'..'"),
        ("add('/etc/sojourn-test', b'x')", "absolute"), ("add('a\\x1b[2J', b'x')", "control"),
        ("add('l', type=SYMTYPE, linkname='../victim')", "leads out"),
        ("add('l', type=SYMTYPE, linkname='/etc/passwd')", "absolute"),
        ("add('d/l', type=SYMTYPE, linkname='../../victim')", "leads out"),
        ("add('l', type=SYMTYPE, linkname='x/../../victim')", "'..' after"),
        ("add('h', type=LNKTYPE, linkname='../victim')", "hard links"),
        ("add('n', type=CHRTYPE, devmajor=1, devminor=3)", "device"), ("add('n', type=BLKTYPE)", "device"),
        ("add('p', type=FIFOTYPE)", "pipe"), ("add('.', b'x')", "must have a name"),
        ("add('" + String(repeating: "n", count: 256) + "', b'x')", "longer than 255"),
    ])
    func whatLeadsOutIsRefusedAndTheRestExtracted(hostile: String, reason: String) throws {
        let bytes = try Fixture.tar("\(hostile); add('good', b'fine')")
        try withTarget { inside, descriptor in
            let result = try extract(bytes, into: descriptor)
            #expect(result.refusals.count == 1)
            #expect(result.refusals.first?.reason.contains(reason) == true, "\(result.refusals)")
            #expect(result.refusals.first?.path.contains("\u{1b}") == false)
            #expect(result.files == [.init(path: "good", size: 4)])
            #expect(try Fixture.read("\(inside)/good") == Array("fine".utf8))
        }
    }

    @Test func nothingIsWrittenThroughALink() throws {
        let bytes = try Fixture.tar(
            """
            add('d', type=DIRTYPE); add('in', type=SYMTYPE, linkname='d'); add('in/x', b'1')
            add('out/victim', b'2'); add('out', type=DIRTYPE); add('final', b'3')
            """)
        try withTarget { inside, descriptor in
            symlink("..", "\(inside)/out")
            symlink("../victim", "\(inside)/final")
            let result = try extract(bytes, into: descriptor)
            #expect(result.refusals.map(\.path) == ["in/x", "out/victim", "out"])
            #expect(!exists("\(inside)/d/x"))
            #expect(try status("\(inside)/final").st_mode & S_IFMT == S_IFREG)
            #expect(try Fixture.read("\(inside)/final") == Array("3".utf8))
        }
    }

    @Test func laterEntriesReplaceEarlierOnesAsAWhole() throws {
        let bytes = try Fixture.tar(
            """
            add('a', b'first'); add('a', b'second'); add('b', b'file'); add('b', type=SYMTYPE, linkname='a')
            add('c', type=DIRTYPE); add('c', b'over a directory'); add('a/x', b'below a file')
            """)
        try withTarget { inside, descriptor in
            try Fixture.write("old and much longer", to: "\(inside)/a")
            let old = open("\(inside)/a", O_RDONLY)
            defer { close(old) }
            let result = try extract(bytes, into: descriptor)
            #expect(result.files == [.init(path: "a", size: 6)])
            #expect(result.refusals.map(\.path) == ["c", "a/x"])
            #expect(try Fixture.read("\(inside)/a") == Array("second".utf8))
            var status = stat()
            fstat(old, &status)
            #expect(status.st_size == 19)
        }
    }

    @Test func namesThatOnlyLookAlikeStayTwoFiles() throws {
        let bytes = try Fixture.tar(format: "PAX_FORMAT", "add('\\u00e9', b'1'); add('e\\u0301', b'22')")
        try withTarget { _, descriptor in
            let result = try extract(bytes, into: descriptor)
            #expect(result.files.map(\.size) == [2, 1])
        }
    }

    @Test func limitsEndTheExtraction() throws {
        let bytes = try Fixture.tar("add('a', b'12345'); add('b', b'12345')")
        try withTarget { inside, descriptor in
            #expect(throws: ArchiveError(.limitExceeded, "")) { try extract(bytes, into: descriptor, total: 9) }
            #expect(exists("\(inside)/a") && !exists("\(inside)/b"))
            #expect(throws: ArchiveError(.limitExceeded, "")) { try extract(bytes, into: descriptor, entries: 1) }
            let huge = try Fixture.block("huge", flag: "0", size: 8 << 30 - 1)
            #expect(throws: ArchiveError(.limitExceeded, "")) { try extract(huge, into: descriptor) }
            #expect(throws: ArchiveError(.truncated, "")) { try extract(Array(bytes.prefix(1537)), into: descriptor) }
        }
    }

    @Test func aFullDiskIsThrownWithThePath() throws {
        try Fixture.withDirectory { path, _ in
            let mounted = try Fixture.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", path])
            guard mounted.status == 0 else { return }
            defer { _ = umount(path) }
            let descriptor = open(path, O_RDONLY | O_DIRECTORY)
            defer { close(descriptor) }
            let bytes = try Fixture.tar("add('dir/big', b'x' * 200000)")
            let fault = try #require(throws: ArchiveError.self) { try extract(bytes, into: descriptor) }
            #expect(fault.code == .fileSystem && fault.errno == ENOSPC && fault.message.contains("dir/big"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(path)/dir").isEmpty)
        }
    }

    // MARK: Packing

    private func pack(_ paths: [String], in path: String) throws -> (report: TarPacker.Report, bytes: [UInt8]) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY)
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        let writer = TarWriter { bytes += $0 }
        let report = try TarPacker.pack(paths, in: descriptor, to: writer)
        try writer.finish()
        return (report, bytes)
    }

    @Test func packsInOrderOnceAndReportsTheRest() throws {
        try Fixture.withDirectory { path, _ in
            let script = """
                mkdir -p d/sub && printf 1 >d/b && printf 22 >d/a && printf 3 >d/sub/x && ln -s ../.. d/up && mkfifo d/pipe
                printf 4 >"$(printf 'd/bad\\377')" && ln -s /etc out && mkdir d-other && printf 5 >other
                """
            #expect(try Fixture.run(["bash", "-c", script], in: path).status == 0)
            let paths = ["other", "d/", "./d/sub/x", "out/passwd", "none", "../x", "/etc"]
            let (report, bytes) = try pack(paths, in: path)
            let expected = ["d", "d/a", "d/b", "d/sub", "d/sub/x", "d/up", "other"]
            #expect(try Fixture.entries(bytes).map(\.path) == expected)
            #expect(report.files.map(\.path) == ["d/a", "d/b", "d/sub/x", "other"])
            let skipped = Dictionary(uniqueKeysWithValues: report.skipped.map { ($0.path, $0.reason) })
            #expect(Set(skipped.keys) == ["../x", "/etc", "none", "out/passwd", "d/pipe", "d/bad\u{fffd}"])
            #expect(skipped["d/pipe"] == "it is a named pipe")
            #expect(skipped["none"]?.contains("No such file") == true)
            #expect(report.resized.isEmpty)
            #expect(try pack(["."], in: path).bytes == (try pack(["."], in: path).bytes))
            let listing = try Fixture.run(["tar", "-tf", "-"], input: bytes)
            #expect(listing.text.split(separator: "\n").count == expected.count && listing.error.isEmpty)
        }
    }

    @Test func whatIsPackedIsExtractedTheSame() throws {
        try Fixture.withDirectory { path, _ in
            let script = """
                mkdir -p s/x/y t && head -c 300000 /dev/urandom >s/x/big && ln -s y s/x/l && : >s/x/y/é && chmod 750 s/x
                """
            #expect(try Fixture.run(["sh", "-c", script], in: path).status == 0)
            let target = open("\(path)/t", O_RDONLY | O_DIRECTORY)
            defer { close(target) }
            let result = try extract(try pack(["."], in: "\(path)/s").bytes, into: target)
            #expect(result.refusals.isEmpty && result.files.count == 2)
            #expect(try Fixture.run(["diff", "-r", "--no-dereference", "s", "t"], in: path).text.isEmpty)
            #expect(try status("\(path)/t/x").st_mode == S_IFDIR | 0o750)
        }
    }

    @Test func filesThatChangeKeepTheirAnnouncedSize() throws {
        try Fixture.withDirectory { path, descriptor in
            let original = String(repeating: "x", count: 600_000)
            for name in ["grows", "shrinks"] { try Fixture.write(original, to: "\(path)/\(name)") }
            var bytes: [UInt8] = []
            let writer = TarWriter { piece in
                // Between a file's header and its contents.
                if piece.starts(with: "grows".utf8) { try Fixture.write(original + "more", to: "\(path)/grows") }
                if piece.starts(with: "shrinks".utf8) { truncate("\(path)/shrinks", 300_000) }
                bytes += piece
            }
            let report = try TarPacker.pack(["grows", "shrinks"], in: descriptor, to: writer)
            try writer.finish()
            #expect(try Fixture.entries(bytes).map(\.kind) == [.file(size: 600_000), .file(size: 600_000)])
            #expect(report.files.map(\.size) == [600_000, 600_000])
            #expect(
                report.resized == [
                    .init(path: "grows", announced: 600_000, found: 600_004),
                    .init(path: "shrinks", announced: 600_000, found: 300_000),
                ])
        }
    }
}
