import Foundation
import GridModel
import ImageFormat
import ImageStore
import Linux
import StrictJSON
import Testing

/// `sojourn image serve`, with the clients of others.
@Suite struct BlockServerTests {
    private static let environment = "test/served:1@debian12"

    /// An image whose filesystem is some blocks of noise, served until `body` ends.
    private func serving(
        blocks: Int = 2000, _ body: (_ socket: String, _ content: [UInt8], _ work: CataloguePlace) throws -> Void
    ) throws {
        let work = try CataloguePlace()
        let content = (0..<blocks * 4096).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        let store = try ImageStore(home: try Home(at: work.home("host").home.path))
        let kernel = try TinyImage.kernel(CataloguePlace.kernel, store)
        try TinyImage.image(try Environment(parsing: Self.environment), kernel: kernel, data: content, store)
        let socket = work.path("socket")
        let server = try work.home("host").start(["image", "serve", Self.environment, "--socket", socket, "--json"])
        try eventually(.seconds(20), "the socket; it said: \(server.error)") { server.output.hasSuffix("\n") }
        let said = try StrictJSON.decode(JSONValue.self, from: Array(server.output.utf8), source: "image serve")
        #expect(said["socket"] == .string(socket) && said["size"]?.int == Int64(content.count), "\(said)")
        try body(socket, content, work)
        #expect(server.isRunning, "\(server.error)")
        kill(server.pid, SIGTERM)
        #expect(try server.finish(within: .seconds(20)).status == 0)
        #expect(!Files.exists(socket))
    }

    @Test func clientsOfOthersReadWhatTheImageHas() throws {
        try serving { socket, content, work in
            let url = "nbd+unix:///?socket=\(socket)"
            let copy = work.path("copy")
            try Workshop.run(
                "/usr/bin/qemu-img", ["convert", "-n", "-f", "raw", "-O", "raw", url, try empty(copy, content)])
            #expect(try Files.read(copy, limit: 1 << 26) == content)
            try Files.remove(copy)
            try Workshop.run("/usr/bin/nbdcopy", ["--connections=2", url, try empty(copy, content)])
            #expect(try Files.read(copy, limit: 1 << 26) == content)
            let said = try Workshop.run("/usr/bin/nbdinfo", ["--json", url])
            for word in ["\"structured\": true", "\"is_read_only\": true", "\"export-size\": \(content.count)"] {
                #expect(said.contains(word), "\(said)")
            }
            // Odd places and lengths, too.
            let cut = try Workshop.tool(
                "/usr/bin/qemu-io", ["-r", "-f", "raw", "-c", "read 4090 30", "-c", "write 0 512", url])
            #expect(cut.output.contains("read 30/30 bytes at offset 4090"), "\(cut)")
            #expect(cut.status == 1, "it was written: \(cut)")
        }
    }

    private func empty(_ path: String, _ content: [UInt8]) throws -> String {
        _ = try Descriptor.createSparse(path, bytes: Int64(content.count))
        return path
    }

    @Test func aClientThatBreaksTheProtocolIsLeftAndOthersGoOn() throws {
        try serving(blocks: 10) { socket, content, work in
            let greeting = [UInt8]("NBDMAGICIHAVEOPT".utf8) + [0, 3]
            let option = [UInt8]("IHAVEOPT".utf8)
            let cases: [[UInt8]] = [
                [], [0, 0, 0, 3], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0],
                [0, 0, 0, 3] + [UInt8](repeating: 0x41, count: 100),
                [0, 0, 0, 3] + option + [0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff],
                [0, 0, 0, 3] + option + [0, 0, 0, 1, 0, 0, 0, 4] + Array("none".utf8),
                // It goes to transmission, and speaks nonsense there.
                [0, 0, 0, 3] + option + [0, 0, 0, 1, 0, 0, 0, 0] + [UInt8](repeating: 0x42, count: 4096),
                [0, 0, 0, 3] + Array(repeating: option + [0, 0, 0, 99, 0, 0, 0, 0], count: 200).flatMap { $0 },
            ]
            for bytes in cases {
                let client = try Socket.connect(to: socket)
                var came: [UInt8] = []
                while came.count < greeting.count, let piece = try client.read(upTo: greeting.count - came.count) {
                    came += piece
                }
                #expect(came == greeting)
                do { try client.write(bytes) } catch let error as SystemError where error.isBrokenPipe {}
                shutdown(client.raw, Int32(SHUT_WR))
                while let piece = try client.read(upTo: 65536), !piece.isEmpty {}
            }
            let copy = work.path("copy")
            try Workshop.run(
                "/usr/bin/nbdcopy", ["nbd+unix:///?socket=\(socket)", try empty(copy, content)])
            #expect(try Files.read(copy, limit: 1 << 20) == content)
        }
    }

    /// A request of the transmission phase.
    private func request(_ type: UInt8, _ offset: UInt64, _ length: UInt32) -> [UInt8] {
        [0x25, 0x60, 0x95, 0x13, 0, 0, 0, type] + [1, 2, 3, 4, 5, 6, 7, 8]
            + withUnsafeBytes(of: offset.bigEndian) { Array($0) } + withUnsafeBytes(of: length.bigEndian) { Array($0) }
    }

    @Test func whatIsOutOfPlaceIsRefusedInOneAnswer() throws {
        try serving(blocks: 10) { socket, content, _ in
            let client = try Socket.connect(to: socket)
            try client.write([0, 0, 0, 3] + [UInt8]("IHAVEOPT".utf8) + [0, 0, 0, 1, 0, 0, 0, 0])
            func take(_ count: Int) throws -> [UInt8] {
                var bytes: [UInt8] = []
                while bytes.count < count, let piece = try client.read(upTo: count - bytes.count), !piece.isEmpty {
                    bytes += piece
                }
                return bytes
            }
            #expect(
                Array(try take(18 + 10).suffix(10).prefix(8)) == [0, 0, 0, 0, 0, 0, 0xa0, 0])
            let reply: [UInt8] = [0x67, 0x44, 0x66, 0x98]
            let cookie: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
            for (type, offset, length) in [
                (0, 40960, 1), (0, 40950, 20), (0, UInt64.max, 4096), (0, 0, 0), (0, 0, UInt32.max), (4, 0, 4096),
                (6, 0, 4096), (77, 0, 1),
            ] as [(UInt8, UInt64, UInt32)] {
                try client.write(request(type, offset, length))
                let answer = try take(16)
                #expect(answer.prefix(4) == reply[...] && answer.suffix(8) == cookie[...])
                #expect(answer[4..<8] != [0, 0, 0, 0], "\(type) \(offset) \(length)")
            }
            try client.write(request(0, 4095, 3) + request(3, 0, 0))
            #expect(try take(19) == reply + [0, 0, 0, 0] + cookie + content[4095..<4098])
            #expect(try take(16) == reply + [0, 0, 0, 0] + cookie)
            // What a write would bring cannot be told from requests: the client is left.
            try client.write(request(1, 0, 4))
            #expect(try take(1).isEmpty)
        }
    }
}
