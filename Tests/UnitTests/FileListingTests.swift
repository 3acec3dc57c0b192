import Foundation
import Testing

@testable import GridModel
@testable import ImageFormat

@Suite struct FileListingTests {
    private static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    /// `é` is two code points here, `e` and an accent: another name than the one of a single code point.
    private static let golden = """
        #mtree
        . type=dir mode=0755 uid=0 gid=0 time=1700000000.0
        ./-x type=fifo mode=0600 uid=1 gid=2 time=0.0
        ./a\\040b\\134\\012\\043\\075\\052 type=file mode=0644 uid=0 gid=0 size=0 time=1700000000.0 \
        sha256digest=\(empty)
        ./dev type=char mode=0000 uid=0 gid=0 time=1700000000.0 device=native,0,0
        ./disk type=block mode=0660 uid=0 gid=6 time=1700000000.0 device=native,259,70000
        ./e\\314\\201 type=link mode=0777 uid=0 gid=0 time=1700000000.0 link=/x\\040y
        ./ping type=file mode=4755 uid=4294967294 gid=0 size=9223372036854775807 time=1700000000.0 \
        sha256digest=\(empty) xattr.security.capability=AQAAAgAgAAAAAAAAAAAAAAAAAAA=
        ./sock type=socket mode=1777 uid=0 gid=0 time=1700000000.0
        ./usr type=dir mode=2755 uid=0 gid=0 time=1700000000.0
        ./usr-local type=dir mode=0755 uid=0 gid=0 time=1700000000.0
        ./usr/b type=dir mode=0755 uid=0 gid=0 time=1700000000.0

        """

    private static func entries() throws -> [FileEntry] {
        let digest = try Digest(parsing: "sha256:\(empty)")
        let root = FileEntry(
            path: ".", kind: .directory, mode: 0o755, uid: 0, gid: 0, modified: Timestamp(seconds: 1_700_000_000))
        func entry(_ path: String, _ kind: FileEntry.Kind, _ mode: UInt16) -> FileEntry {
            var entry = root
            (entry.path, entry.kind, entry.mode) = (path, kind, mode)
            return entry
        }
        var fifo = entry("-x", .fifo, 0o600)
        (fifo.uid, fifo.gid, fifo.modified) = (1, 2, Timestamp(seconds: 0))
        var disk = entry("disk", .blockDevice(major: 259, minor: 70000), 0o660)
        disk.gid = 6
        var ping = entry("ping", .file(size: .max, digest: digest), 0o4755)
        ping.uid = 4_294_967_294
        ping.attributes["security.capability"] = [1, 0, 0, 2, 0, 32] + [UInt8](repeating: 0, count: 14)
        return [
            root, fifo, entry("a b\\\n#=*", .file(size: 0, digest: digest), 0o644),
            .whiteout(path: "dev", modified: Timestamp(seconds: 1_700_000_000)), disk,
            entry("e\u{301}", .symbolicLink(target: "/x y"), 0o777), ping, entry("sock", .socket, 0o1777),
            entry("usr", .directory, 0o2755), entry("usr-local", .directory, 0o755), entry("usr/b", .directory, 0o755),
        ]
    }

    @Test func goldenText() throws {
        #expect(try String(decoding: FileListing.encode(Self.entries()), as: UTF8.self) == Self.golden)
        #expect(try FileListing.decode(Array(Self.golden.utf8), source: "golden") == Self.entries())
    }

    @Test func namesThatUnicodeCallsEquivalentAreDifferent() throws {
        var (one, other) = (try Self.entries()[5], try Self.entries()[5])
        (one.path, other.path) = ("e\u{301}", "\u{e9}")
        #expect(one != other)
        #expect(FileEntry.precedes(one, other))
        #expect(try FileListing.decode(FileListing.encode([one, other]), source: "both").count == 2)
        one.kind = .symbolicLink(target: other.path)
        other.path = "e\u{301}"
        other.kind = .symbolicLink(target: other.path)
        #expect(one != other)
    }

    @Test func whatIsReadPieceByPieceIsTheSame() throws {
        for size in [1, 7, 100, 1000] {
            var rest = Array(Self.golden.utf8)[...]
            var reader = FileListingReader(source: "pieces") {
                defer { rest = rest.dropFirst(size) }
                return rest.isEmpty ? nil : Array(rest.prefix(size))
            }
            var entries: [FileEntry] = []
            while let entry = try reader.next() { entries.append(entry) }
            #expect(entries == (try Self.entries()))
        }
    }

    @Test func everyByteOfANameSurvives() throws {
        let names = (1...0x250).compactMap { UnicodeScalar(UInt32($0)).map { "x\(Character($0))y" } }
            .filter { !$0.contains("/") }
        let entries = names.map {
            FileEntry(
                path: $0, kind: .symbolicLink(target: $0), mode: 0o777, uid: 0, gid: 0, modified: Timestamp(seconds: 0))
        }.sorted(by: FileEntry.precedes)
        #expect(try FileListing.decode(FileListing.encode(entries), source: "names") == entries)
    }

    @Test(arguments: [
        ("", "it does not begin with #mtree"),
        ("#mtree v2.0\n", "it does not begin with #mtree"),
        ("#mtree\n. type=dir", "within a line"),
        ("#mtree\n\n", "does not begin with ./"),
        ("#mtree\n./a type=dir mode=0755 uid=0 gid=0\n", "'time=' is missing"),
        ("#mtree\n./a type=dir mode=0755 uid=0 gid=0 time=1.5\n", "whole seconds"),
        ("#mtree\n./a type=dir mode=0755 uid=0 gid=0 time=-1.0\n", "whole seconds"),
        ("#mtree\n./a type=dir mode=0755 uid=0 gid=0 time=1.0 nlink=2\n", "'nlink' is unknown"),
        ("#mtree\n./a type=dir mode=0755 uid=0 gid=0 time=1.0 size=2\n", "'size' is unknown"),
        ("#mtree\n./a type=dir type=dir mode=0755 uid=0 gid=0 time=1.0\n", "'type' stands twice"),
        ("#mtree\n./a mode=0755 type=dir uid=0 gid=0 time=1.0\n", "order of keywords"),
        ("#mtree\n./a type=dir mode=755 uid=0 gid=0 time=1.0\n", "order of keywords"),
        ("#mtree\n./a type=dir mode=0755 uid=+0 gid=0 time=1.0\n", "order of keywords"),
        ("#mtree\n./a type=dir mode=0755  uid=0 gid=0 time=1.0\n", "no '='"),
        ("#mtree\n./a type=dir mode=0755 uid=0 gid=0 time=1.0\r\n", "whole seconds"),
        ("#mtree\n./a type=dir mode=10000 uid=0 gid=0 time=1.0\n", "not octal"),
        ("#mtree\n./a type=dir mode=0755 uid=4294967296 gid=0 time=1.0\n", "too large"),
        ("#mtree\n./a type=whiteout mode=0755 uid=0 gid=0 time=1.0\n", "'whiteout' is unknown"),
        ("#mtree\n./a type=file mode=0755 uid=0 gid=0 size=1 time=1.0 sha256digest=00\n", "64 digits"),
        ("#mtree\n./a type=char mode=0755 uid=0 gid=0 time=1.0 device=0,0\n", "native,MAJOR,MINOR"),
        ("#mtree\n./a type=link mode=0777 uid=0 gid=0 time=1.0 link=\n", "without a target"),
        ("#mtree\n./a type=fifo mode=0777 uid=0 gid=0 time=1.0 xattr.a=AB\n", "not base 64"),
        ("#mtree\n./a type=fifo mode=0777 uid=0 gid=0 time=1.0 xattr.a=AB==\n", "not base 64"),
        ("#mtree\n./a type=fifo mode=0777 uid=0 gid=0 time=1.0 xattr.a=AA\n", "order of keywords"),
        ("#mtree\n./a type=fifo mode=0777 uid=0 gid=0 time=1.0 xattr.a=-_-_\n", "order of keywords"),
        ("#mtree\n./a type=fifo mode=0777 uid=0 gid=0 time=1.0 xattr.=\n", "odd name"),
        ("#mtree\n/a type=dir mode=0755 uid=0 gid=0 time=1.0\n", "does not begin with ./"),
        ("#mtree\n./../a type=dir mode=0755 uid=0 gid=0 time=1.0\n", "no path of an image"),
        ("#mtree\n./. type=dir mode=0755 uid=0 gid=0 time=1.0\n", "'.' is no name"),
        ("#mtree\n./a/ type=dir mode=0755 uid=0 gid=0 time=1.0\n", "no path of an image"),
        ("#mtree\n./a//b type=dir mode=0755 uid=0 gid=0 time=1.0\n", "no path of an image"),
        ("#mtree\n./a\\000 type=dir mode=0755 uid=0 gid=0 time=1.0\n", "no path of an image"),
        ("#mtree\n./a\\056\\0562 type=dir mode=0755 uid=0 gid=0 time=1.0\n", "order of keywords"),
        ("#mtree\n./a\\05 type=dir mode=0755 uid=0 gid=0 time=1.0\n", "backslash and three octal digits"),
        ("#mtree\n./a\\377 type=dir mode=0755 uid=0 gid=0 time=1.0\n", "not UTF-8"),
    ])
    func hostileTextIsRefused(_ text: String, _ reason: String) throws {
        let error = try #require(throws: ImageFormatError.self) {
            try FileListing.decode(Array(text.utf8), source: "hostile")
        }
        #expect(error.message.contains(reason), "\(error.message)")
        #expect(error.message.contains("hostile, line "))
    }

    @Test func orderAndDuplicatesAreChecked() throws {
        let entries = try Self.entries()
        #expect(throws: ImageFormatError.self) { try FileListing.encode([entries[1], entries[1]]) }
        #expect(throws: ImageFormatError.self) { try FileListing.encode([entries[1], entries[0]]) }
        let lines = Self.golden.split(separator: "\n")
        for order in [[2, 1], [2, 2], [3, 2]] {
            let text = "#mtree\n" + order.map { "\(lines[$0])\n" }.joined()
            let error = try #require(throws: ImageFormatError.self) {
                try FileListing.decode(Array(text.utf8), source: "hostile")
            }
            #expect(error.message.contains("bytewise order"))
        }
    }

    @Test func endlessLinesAreRefusedBeforeTheyAreRead() throws {
        var pieces = 0
        var reader = FileListingReader(source: "endless") {
            pieces += 1
            return pieces == 1 ? Array("#mtree\n".utf8) : [UInt8](repeating: 0x61, count: 10_000)
        }
        #expect(throws: ImageFormatError.self) { try reader.next() }
        #expect(pieces < 12)
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/bsdtar"), "libarchive-tools is missing"))
    func bsdtarReadsTheSame() throws {
        // Without the attribute, whose keyword libarchive warns of, and the socket, which no archive can hold.
        let entries = try Self.entries().filter { $0.path != "sock" }.map {
            var entry = $0
            entry.attributes = [:]
            return entry
        }
        try ImageFixture.withDirectory { directory in
            try Data(FileListing.encode(entries)).write(to: URL(fileURLWithPath: "\(directory)/x.mtree"))
            let listed = try ImageFixture.run(["LC_ALL=C.UTF-8", "bsdtar", "-tvf", "\(directory)/x.mtree"])
            #expect(listed.status == 0)
            let fields = listed.text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            #expect(
                fields.map { $0[0] } == [
                    "drwxr-xr-x", "prw-------", "-rw-r--r--", "c---------", "brw-rw----", "lrwxrwxrwx", "-rwsr-xr-x",
                    "drwxr-sr-x", "drwxr-xr-x", "drwxr-xr-x",
                ])
            #expect(fields[1][2...3] == ["1", "2"])
            #expect(fields[3][4] == "0,0")
            #expect(fields[4][4] == "259,70000")
            #expect(fields[6][2] == "4294967294")
            #expect(fields[6][4] == "9223372036854775807")
            #expect(fields[5].suffix(3).joined(separator: " ") == "-> /x y")
            #expect(fields.map { $0.last ?? "" }.suffix(3) == ["./usr", "./usr-local", "./usr/b"])
            // And what bsdtar writes of it, in its own words, is the same again.
            let copied = try ImageFixture.run([
                "LC_ALL=C.UTF-8", "bsdtar", "-cf", "-", "--format=mtree", "--options=mtree:!all,type,device,link",
                "@\(directory)/x.mtree",
            ])
            #expect(copied.text.contains("./disk type=block device=native,259,70000\n"))
            #expect(copied.text.contains("type=link link=/x\\040y\n"))
        }
    }
}
