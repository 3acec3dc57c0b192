import GuestProtocol
import Testing

@Suite struct GuestProtocolTests {
    static let context = {
        var context = GuestContext(
            hostname: "sojourn-k3x9qa",
            user: .init(uid: 1000, gid: 100, name: "ada", home: "/home/ada", groups: [.init(gid: 100, name: "users")]),
            shares: [.init(tag: "share0", file: "", path: "/work", readOnly: true)],
            staging: .init(hasInputs: true, outputs: ["*.svg"]), environment: ["A=1", "B="], command: ["./a", "b c"],
            directory: "/work", terminal: .init(columns: 80, rows: 24), realtimeNanoseconds: 1_257_777_000_000_000_000,
            heartbeatSeconds: 5)
        context.documents = [
            .init(name: "environment.json", text: "{}"), .init(name: "jobfeatures/jobstart_secs", .start(plus: 7)),
        ]
        context.memoryLimitBytes = 1 << 30
        context.swapLimitBytes = 5
        context.hasOutgoingNetwork = true
        return context
    }()

    static let hostMessages: [HostMessage] = [
        .hello(version: 1), .context(context), .input([1, 2, 3]), .input([]), .inputClosed,
        .window(columns: 132, rows: 50), .outputClosed(.error), .signal(15), .acknowledged(sequence: .max), .powerOff,
        .document(.init(name: "jobfeatures/shutdowntime_job", text: "1")),
    ]

    static let guestMessages: [GuestMessage] = {
        var end = GuestMessage.PayloadEnd(status: .signalled(9))
        end.outOfMemoryKills = 2
        end.scratchWasFull = true
        end.userMicroseconds = 1
        end.systemMicroseconds = 2
        end.peakMemoryBytes = 3
        end.peakSwapBytes = 4
        end.peakScratchBytes = 5
        end.readBytes = 6
        end.writtenBytes = 7
        end.stagingFailure = "nothing matches '*.root'"
        return [
            .hello(
                .init(
                    version: 1, agent: "sojourn-guest", kernelRelease: "6.1", agentStartMilliseconds: 9,
                    mountedMilliseconds: 10)),
            .started(pid: 42), .output(.output, Array("x\n".utf8)), .output(.error, []), .inputTaken(bytes: 7),
            .ended(end), .ended(.init(status: .exited(3))),
            .failed(.init(reason: .commandNotFound, message: "no such command")), .heartbeat, .log("line"), .staging,
        ]
    }()

    @Test(arguments: hostMessages) func hostMessagesSurviveTheWire(_ message: HostMessage) throws {
        #expect(try HostMessage(decode(message.frame(sequence: 1).encoded)) == message)
    }

    @Test(arguments: guestMessages) func guestMessagesSurviveTheWire(_ message: GuestMessage) throws {
        #expect(try GuestMessage(decode(message.frame(sequence: 1).encoded)) == message)
    }

    /// Golden bytes: a change here is a change of the protocol's version.
    @Test func framesHaveTheirBytes() {
        #expect(
            GuestMessage.started(pid: 258).frame(sequence: 3).encoded == [
                0, 0, 0, 13, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 1, 2,
            ])
        #expect(
            GuestMessage.output(.error, [65]).frame(sequence: 1).encoded
                == [0, 0, 0, 11, 3, 0, 0, 0, 0, 0, 0, 0, 1, 2, 65])
        #expect(
            HostMessage.window(columns: 80, rows: 24).frame(sequence: 2).encoded
                == [0, 0, 0, 13, 68, 0, 0, 0, 0, 0, 0, 0, 2, 0, 80, 0, 24])
        #expect(
            GuestMessage.failed(.init(reason: .setup, message: "é")).frame(sequence: 1).encoded
                == [0, 0, 0, 16, 6, 0, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0, 2, 0xC3, 0xA9])
        #expect(
            HostMessage.context(Self.context).frame(sequence: 1).encoded.prefix(21) == [
                0, 0, 1, 4, 65, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 14, 115, 111, 106, 111,
            ])
        // The context's last fields: what the payload may hold, and its network.
        #expect(
            HostMessage.context(Self.context).frame(sequence: 1).encoded.suffix(17) == [
                0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 1,
            ])
        #expect(
            HostMessage.document(.init(name: "a/b", text: "1")).frame(sequence: 1).encoded
                == [0, 0, 0, 22, 73, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 97, 47, 98, 0, 0, 0, 0, 1, 49])
        #expect(
            HostMessage.document(.init(name: "a", .start(plus: 258))).frame(sequence: 1).encoded
                == [0, 0, 0, 23, 73, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 97, 1, 0, 0, 0, 0, 0, 0, 1, 2])
        var end = GuestMessage.PayloadEnd(status: .exited(3))
        (end.peakMemoryBytes, end.peakSwapBytes, end.peakScratchBytes) = (1, 2, 3)
        (end.readBytes, end.writtenBytes) = (4, 5)
        #expect(
            GuestMessage.ended(end).frame(sequence: 1).encoded.suffix(44) == [
                0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4,
                0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0,
            ])
    }

    @Test func framesAreCutOutOfAStreamHoweverItArrives() throws {
        let bytes = Self.guestMessages.enumerated().flatMap { $1.frame(sequence: UInt64($0 + 1)).encoded }
        for size in [1, 3, 7, 4096] {
            var decoder = FrameDecoder()
            var found: [GuestMessage] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                decoder.append(Array(bytes[start..<min(start + size, bytes.count)]))
                while let frame = try decoder.next() { found.append(try GuestMessage(frame)) }
            }
            #expect(found == Self.guestMessages)
        }
    }

    @Test func aFrameLongerThanAMebibyteIsRefusedAtItsLength() {
        var decoder = FrameDecoder()
        decoder.append([0x00, 0x10, 0x00, 0x01])
        #expect(throws: ProtocolError(.tooLong, "")) { try decoder.next() }
    }

    @Test func aFrameTooShortForItsHeaderIsRefused() {
        var decoder = FrameDecoder()
        decoder.append([0, 0, 0, 8, 1])
        #expect(throws: ProtocolError(.tooLong, "")) { try decoder.next() }
    }

    @Test(arguments: [0, 2, 5] as [UInt64]) func aLostOrRepeatedFrameIsNoticed(_ sequence: UInt64) throws {
        var decoder = FrameDecoder()
        decoder.append(GuestMessage.heartbeat.frame(sequence: 1).encoded)
        _ = try decoder.next()
        decoder.append(GuestMessage.heartbeat.frame(sequence: sequence == 2 ? 1 : sequence).encoded)
        #expect(throws: ProtocolError(.sequence, "")) { try decoder.next() }
    }

    @Test func unknownTypesAreRefusedOnBothSides() {
        for type in [0, 10, 63, 64, 200] as [UInt8] {
            #expect(throws: ProtocolError(.unknownType, "")) {
                try GuestMessage(Frame(type: type, sequence: 1, body: []))
            }
        }
        #expect(throws: ProtocolError(.unknownType, "")) { try HostMessage(Frame(type: 1, sequence: 1, body: [])) }
    }

    /// Every cut of every message is refused, never read beyond its end and never taken for a whole one.
    @Test func truncatedBodiesAreRefused() throws {
        for message in Self.guestMessages {
            let frame = message.frame(sequence: 1)
            if case .output = message { continue }
            for length in 0..<frame.body.count {
                #expect(throws: ProtocolError.self) {
                    try GuestMessage(Frame(type: frame.type, sequence: 1, body: Array(frame.body.prefix(length))))
                }
            }
        }
    }

    @Test func trailingBytesAreRefused() {
        let frame = GuestMessage.started(pid: 1).frame(sequence: 1)
        #expect(throws: ProtocolError(.malformed, "")) {
            try GuestMessage(Frame(type: frame.type, sequence: 1, body: frame.body + [0]))
        }
    }

    @Test func textWithNULOrBrokenUTF8IsRefused() {
        for bytes in [[0], [0xFF]] as [[UInt8]] {
            #expect(throws: ProtocolError(.malformed, "")) {
                try GuestMessage(Frame(type: 8, sequence: 1, body: [0, 0, 0, 1] + bytes))
            }
        }
    }

    /// A hostile guest's bytes: whatever they are, the decoder throws or waits, and never traps.
    @Test func randomBytesNeverTrapTheDecoder() {
        var generator = SplitMix(state: 2009)
        for _ in 0..<20_000 {
            var decoder = FrameDecoder()
            var bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            if bytes.count > 13 && Bool.random(using: &generator) {
                bytes.replaceSubrange(0..<4, with: [0, 0, 0, UInt8(bytes.count - 4)])
                bytes[4] = UInt8.random(in: 1...8, using: &generator)
                bytes.replaceSubrange(5..<13, with: [0, 0, 0, 0, 0, 0, 0, 1])
            }
            decoder.append(bytes)
            do {
                while let frame = try decoder.next() { _ = try GuestMessage(frame) }
            } catch is ProtocolError {
                continue
            } catch {
                Issue.record("an error of another kind: \(error)")
            }
        }
    }

    private func decode(_ bytes: [UInt8]) throws -> Frame {
        var decoder = FrameDecoder()
        decoder.append(bytes)
        return try #require(try decoder.next())
    }
}

/// A small generator with a seed (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
