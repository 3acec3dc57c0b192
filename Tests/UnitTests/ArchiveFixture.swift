import Foundation
import Glibc
import Testing

@testable import Archive

/// What the tests of Archive share: a scratch directory, the real tools, and tars made by Python.
enum ArchiveFixture {
    struct Output {
        let status: Int32
        let out: [UInt8]
        let error: String
        var text: String { String(decoding: out, as: UTF8.self) }
    }

    /// A directory that is gone after `body`, with a descriptor of it.
    static func withDirectory(_ body: (_ path: String, _ descriptor: Int32) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.path + "/archive-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer {
            close(descriptor)
            do { try FileManager.default.removeItem(atPath: path) } catch { Issue.record(error) }
        }
        try body(path, descriptor)
    }

    static func run(_ arguments: [String], in directory: String = "/", input: [UInt8] = []) throws -> Output {
        var output = Output(status: -1, out: [], error: "")
        try withDirectory { scratch, _ in
            for (name, bytes) in [("in", input), ("out", []), ("err", [])] {
                try Data(bytes).write(to: URL(fileURLWithPath: "\(scratch)/\(name)"))
            }
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = arguments
            process.currentDirectoryURL = URL(fileURLWithPath: directory)
            process.standardInput = FileHandle(forReadingAtPath: "\(scratch)/in")
            process.standardOutput = FileHandle(forWritingAtPath: "\(scratch)/out")
            process.standardError = FileHandle(forWritingAtPath: "\(scratch)/err")
            try process.run()
            process.waitUntilExit()
            output = Output(
                status: process.terminationStatus, out: try read("\(scratch)/out"),
                error: String(decoding: try read("\(scratch)/err"), as: UTF8.self))
        }
        return output
    }

    static func read(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

    static func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    /// The bytes in pieces of odd sizes, as a pipe would give them.
    static func source(_ bytes: [UInt8], piece: Int = 100_000) -> ByteSource {
        var rest = bytes[...]
        return { count in
            defer { rest = rest.dropFirst(min(count, piece)) }
            return Array(rest.prefix(min(count, piece)))
        }
    }

    /// A tar made by Python: `body` calls `add(name, data=b'', **attributes of TarInfo)`.
    static func tar(format: String = "GNU_FORMAT", _ body: String) throws -> [UInt8] {
        let script = """
            import io, sys, tarfile
            from tarfile import TarInfo, SYMTYPE, LNKTYPE, CHRTYPE, BLKTYPE, FIFOTYPE, DIRTYPE
            out = tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=tarfile.\(format))
            def add(name, data=b'', **attributes):
                info = TarInfo(name)
                info.size = len(data)
                for key, value in attributes.items(): setattr(info, key, value)
                out.addfile(info, io.BytesIO(data))
            \(body)
            out.close()
            """
        let output = try run(["python3", "-c", script])
        guard output.status == 0 else { throw ArchiveError(.malformed, output.error) }
        return output.out
    }

    /// A header block followed by what belongs to it.
    static func block(_ name: String, flag: Character, size: Int64 = 0, payload: [UInt8] = []) throws -> [UInt8] {
        var header = TarHeader(name: Array(name.utf8), flag: try #require(flag.asciiValue), mode: 0o644)
        header.size = size
        return header.encoded() + payload + [UInt8](repeating: 0, count: (512 - payload.count % 512) % 512)
    }

    static let endMark = [UInt8](repeating: 0, count: 1024)

    static func entries(_ bytes: [UInt8], limit: Int = 1000) throws -> [TarEntry] {
        let reader = TarReader(source: source(bytes, piece: 77), entryLimit: limit)
        var entries: [TarEntry] = []
        while let entry = try reader.next() { entries.append(entry) }
        return entries
    }

    /// The error that reading all of it ends with.
    static func fault(_ bytes: [UInt8], limit: Int = 1000) throws -> ArchiveError {
        try #require(throws: ArchiveError.self) { try entries(bytes, limit: limit) }
    }
}
