/// What the guest tells the host. Types 1 to 63.
package enum GuestMessage: Equatable, Sendable {
    /// The first frame: the agent is ready for its context.
    case hello(Hello)
    /// The payload runs; its process number in the guest.
    case started(pid: UInt32)
    case output(Stream, [UInt8])
    /// So many bytes of standard input have been taken by the payload: room for as many more.
    case inputTaken(bytes: UInt32)
    /// The payload has ended; its outputs are being staged. `ended` follows.
    case staging
    case ended(PayloadEnd)
    /// The payload could not be started or the machine not made ready.
    case failed(Failure)
    case heartbeat
    /// A line for the machine's log.
    case log(String)

    package enum Stream: UInt8, Sendable {
        case output = 1
        case error = 2
    }

    package struct Hello: Equatable, Sendable {
        package var version: UInt16
        package var agent: String
        package var kernelRelease: String
        /// Since the guest kernel's start, when the agent began and when the layers were mounted.
        package var agentStartMilliseconds: UInt32
        package var mountedMilliseconds: UInt32

        package init(
            version: UInt16, agent: String, kernelRelease: String, agentStartMilliseconds: UInt32,
            mountedMilliseconds: UInt32
        ) {
            self.version = version
            self.agent = agent
            self.kernelRelease = kernelRelease
            self.agentStartMilliseconds = agentStartMilliseconds
            self.mountedMilliseconds = mountedMilliseconds
        }
    }

    package enum Status: Equatable, Sendable {
        case exited(UInt8)
        case signalled(UInt8)
    }

    package struct PayloadEnd: Equatable, Sendable {
        package var status: Status
        /// Processes that the guest's kernel killed for want of memory.
        package var outOfMemoryKills: UInt32
        /// The scratch disk had no room left at some moment.
        package var scratchWasFull: Bool
        /// Of all the payload's processes, in microseconds.
        package var userMicroseconds: UInt64
        package var systemMicroseconds: UInt64
        /// Anonymous and shared memory of the payload's processes at their peak.
        package var peakMemoryBytes: UInt64
        package var peakSwapBytes: UInt64
        /// Above what the empty scratch disk held.
        package var peakScratchBytes: UInt64
        /// From and to the machine's disks.
        package var readBytes: UInt64
        package var writtenBytes: UInt64
        /// What went wrong when outputs were staged; empty where nothing did.
        package var stagingFailure: String

        package init(status: Status) {
            self.status = status
            outOfMemoryKills = 0
            scratchWasFull = false
            userMicroseconds = 0
            systemMicroseconds = 0
            peakMemoryBytes = 0
            peakSwapBytes = 0
            peakScratchBytes = 0
            readBytes = 0
            writtenBytes = 0
            stagingFailure = ""
        }
    }

    package struct Failure: Equatable, Sendable {
        package enum Reason: UInt8, Sendable {
            case commandNotFound = 1
            case notExecutable = 2
            case setup = 3
        }

        package var reason: Reason
        package var message: String

        package init(reason: Reason, message: String) {
            self.reason = reason
            self.message = message
        }
    }

    private enum Kind: UInt8 {
        case hello = 1
        case started, output, inputTaken, ended, failed, heartbeat, log, staging
    }

    package func frame(sequence: UInt64) -> Frame {
        var writer = WireWriter()
        let kind: Kind
        switch self {
        case .hello(let hello):
            kind = .hello
            hello.write(to: &writer)
        case .started(let pid):
            kind = .started
            writer.put(pid)
        case .output(let stream, let bytes):
            kind = .output
            writer.put(stream.rawValue)
            writer.put(raw: bytes)
        case .inputTaken(let bytes):
            kind = .inputTaken
            writer.put(bytes)
        case .staging:
            kind = .staging
        case .ended(let end):
            kind = .ended
            end.write(to: &writer)
        case .failed(let failure):
            kind = .failed
            writer.put(failure.reason.rawValue)
            writer.put(failure.message)
        case .heartbeat:
            kind = .heartbeat
        case .log(let line):
            kind = .log
            writer.put(line)
        }
        return Frame(type: kind.rawValue, sequence: sequence, body: writer.bytes)
    }

    package init(_ frame: Frame) throws {
        guard let kind = Kind(rawValue: frame.type) else {
            throw ProtocolError(.unknownType, "the guest sent a frame of unknown type \(frame.type)")
        }
        var reader = WireReader(frame.body[...])
        switch kind {
        case .hello: self = .hello(try Hello(&reader))
        case .started: self = .started(pid: try reader.integer("pid"))
        case .output: self = .output(try Self.stream(&reader), reader.remainder())
        case .inputTaken: self = .inputTaken(bytes: try reader.integer("bytes taken"))
        case .ended: self = .ended(try PayloadEnd(&reader))
        case .failed: self = .failed(try Failure(&reader))
        case .staging: self = .staging
        case .heartbeat: self = .heartbeat
        case .log: self = .log(try reader.text("log line"))
        }
        try reader.finish("frame of type \(frame.type)")
    }

    static func stream(_ reader: inout WireReader) throws -> Stream {
        let raw: UInt8 = try reader.integer("stream")
        guard let stream = Stream(rawValue: raw) else {
            throw ProtocolError(.malformed, "unknown output stream \(raw)")
        }
        return stream
    }
}

extension GuestMessage.Hello {
    fileprivate func write(to writer: inout WireWriter) {
        writer.put(version)
        writer.put(agent)
        writer.put(kernelRelease)
        writer.put(agentStartMilliseconds)
        writer.put(mountedMilliseconds)
    }

    fileprivate init(_ reader: inout WireReader) throws {
        version = try reader.integer("protocol version")
        agent = try reader.text("agent")
        kernelRelease = try reader.text("kernel release")
        agentStartMilliseconds = try reader.integer("agent start")
        mountedMilliseconds = try reader.integer("mount time")
    }
}

extension GuestMessage.PayloadEnd {
    fileprivate func write(to writer: inout WireWriter) {
        switch status {
        case .exited(let code):
            writer.put(UInt8(0))
            writer.put(code)
        case .signalled(let number):
            writer.put(UInt8(1))
            writer.put(number)
        }
        writer.put(outOfMemoryKills)
        writer.put(scratchWasFull)
        writer.put(userMicroseconds)
        writer.put(systemMicroseconds)
        for figure in [peakMemoryBytes, peakSwapBytes, peakScratchBytes, readBytes, writtenBytes] {
            writer.put(figure)
        }
        writer.put(stagingFailure)
    }

    fileprivate init(_ reader: inout WireReader) throws {
        let signalled = try reader.boolean("kind of end")
        let number: UInt8 = try reader.integer("status")
        self.init(status: signalled ? .signalled(number) : .exited(number))
        outOfMemoryKills = try reader.integer("out of memory kills")
        scratchWasFull = try reader.boolean("scratch full")
        userMicroseconds = try reader.integer("user time")
        systemMicroseconds = try reader.integer("system time")
        peakMemoryBytes = try reader.integer("peak memory")
        peakSwapBytes = try reader.integer("peak swap")
        peakScratchBytes = try reader.integer("peak scratch")
        readBytes = try reader.integer("bytes read")
        writtenBytes = try reader.integer("bytes written")
        stagingFailure = try reader.text("staging failure")
    }
}

extension GuestMessage.Failure {
    fileprivate init(_ reader: inout WireReader) throws {
        let raw: UInt8 = try reader.integer("reason")
        guard let reason = Reason(rawValue: raw) else {
            throw ProtocolError(.malformed, "unknown failure reason \(raw)")
        }
        self.reason = reason
        message = try reader.text("message")
    }
}
