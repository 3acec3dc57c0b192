package import Control
import Glibc
import GuestProtocol
package import Linux
import StrictJSON

/// Joins this process's standard streams and signals to a machine, as if the payload were our child.
package final class MachineFollower {
    private let launch: MachineLaunch
    private let progress: (MachineControl.Phase) -> Void
    private let signals: Signals
    private let socket: Descriptor?
    private var status = MachineStatus.start
    private var lines: [UInt8] = []
    private var outgoing: [UInt8] = []
    private var sequence: UInt64 = 0
    private var inputSent: Int64 = 0
    private var inputOpen: Bool
    private let usesTerminal: Bool
    private var raw: Terminal.Raw?
    private var streams: [OutputStream]

    /// `progress` hears of each change of phase; `usesTerminal` where the payload has a terminal that is ours.
    package init(
        _ launch: MachineLaunch, usesTerminal: Bool, signals: Signals,
        progress: @escaping (MachineControl.Phase) -> Void
    ) throws {
        self.launch = launch
        self.usesTerminal = usesTerminal
        self.progress = progress
        self.signals = signals
        inputOpen = fcntl(STDIN_FILENO, F_GETFD) >= 0
        socket = try launch.connect()
        try socket?.setNonblocking()
        streams = [
            OutputStream(spool: launch.directory.standardOutput, to: STDOUT_FILENO),
            OutputStream(spool: launch.directory.standardError, to: STDERR_FILENO),
        ]
        Signals.ignoreBrokenPipes()
    }

    /// What must reach a payload or its machine; the rest keeps its meaning for this process.
    package static func takeSignals() throws -> Signals {
        try Signals([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH])
    }

    /// Follows the machine to its end; all output has been passed on when it returns.
    package func follow() throws -> MachineRecord {
        defer { raw?.restore() }
        progress(status.phase)
        if let socket { try loop(socket) }
        raw?.restore()
        let record = try launch.finish()
        try drain()
        return record
    }

    private func loop(_ socket: Descriptor) throws {
        while !status.isOver {
            let readsInput = mayReadInput
            var awaited: [(Int32, Poll.Interest)] = [
                (socket.raw, outgoing.isEmpty ? .readable : [.readable, .writable]),
                (signals.descriptor.raw, .readable),
            ]
            if readsInput { awaited.append((STDIN_FILENO, .readable)) }
            awaited += streams.filter(\.hasMore).map { ($0.descriptor, .writable) }
            // A terminal that came to the foreground again does not tell: look now and then.
            let ready = try Poll.wait(awaited, until: .now.advanced(by: .milliseconds(500)))
            for number in signals.take() { try pass(signal: number) }
            if status.phase == .running { try enterRawMode() }
            if readsInput && ready[2] != [] { try readInput() }
            if ready[0] != [], try !readStatus(socket) { return }
            try flush(socket)
            for index in streams.indices where streams[index].hasMore { try pass(index) }
        }
    }

    // MARK: Towards the payload

    private var mayReadInput: Bool {
        inputOpen && status.phase == .running && inputSent - status.inputTaken < Int64(GuestLink.inputWindow / 2)
            && (!Terminal.isTerminal(STDIN_FILENO) || Terminal.isInForeground(STDIN_FILENO))
    }

    private func readInput() throws {
        var chunk = [UInt8](repeating: 0, count: GuestLink.chunk)
        let got = read(STDIN_FILENO, &chunk, chunk.count)
        if got > 0 {
            inputSent += Int64(got)
            send(.input(Array(chunk.prefix(got))))
        } else if got == 0 || ![EAGAIN, EINTR].contains(errno) {
            inputOpen = false
            send(.inputClosed)
        }
    }

    private func pass(signal number: Int32) throws {
        guard number == SIGWINCH else { return send(.signal(UInt8(number))) }
        if let window = Terminal.window(of: STDIN_FILENO), usesTerminal {
            send(.window(columns: window.columns, rows: window.rows))
        }
    }

    private func send(_ message: HostMessage) {
        sequence += 1
        outgoing += message.frame(sequence: sequence).encoded
    }

    private func flush(_ socket: Descriptor) throws {
        do {
            while !outgoing.isEmpty {
                let went = try socket.writeSome(outgoing[...])
                if went == 0 { return }
                outgoing.removeFirst(went)
            }
        } catch let error as SystemError where error.isBrokenPipe {
            outgoing = []
        }
    }

    // MARK: From the machine

    /// False when the supervisor has gone.
    private func readStatus(_ socket: Descriptor) throws -> Bool {
        let bytes: [UInt8]
        do {
            guard let got = try socket.read(upTo: 1 << 16) else { return true }
            bytes = got
        } catch let error as SystemError where error.isBrokenPipe {
            return false
        }
        if bytes.isEmpty { return false }
        lines += bytes
        guard let end = lines.lastIndex(of: 10) else { return true }
        let whole = lines[..<end]
        let newest = Array(whole[(whole.lastIndex(of: 10).map { $0 + 1 } ?? 0)...])
        lines.removeFirst(end + 1)
        try take(try StrictJSON.decode(MachineStatus.self, from: newest, source: "the supervisor's status"))
        return true
    }

    private func take(_ new: MachineStatus) throws {
        if new.phase != status.phase {
            progress(new.phase)
        }
        status = new
        streams[0].end = new.standardOutput
        streams[1].end = new.standardError
    }

    private func enterRawMode() throws {
        guard usesTerminal, raw == nil, Terminal.isInForeground(STDIN_FILENO) else { return }
        raw = try Terminal.Raw(STDIN_FILENO)
        // The window may have changed since the machine was asked for.
        try pass(signal: SIGWINCH)
    }

    private func pass(_ index: Int) throws {
        do {
            try streams[index].pass()
        } catch let error as SystemError where error.isBrokenPipe {
            // Nobody reads any longer: the payload learns it the way a local process would.
            streams[index].discard()
            send(usesTerminal ? .signal(UInt8(SIGHUP)) : .outputClosed(index == 0 ? .output : .error))
        }
    }

    /// Passes on what is in the spool after the end, however the machine ended.
    private func drain() throws {
        for index in streams.indices {
            streams[index].end = try streams[index].spoolSize()
            do {
                while streams[index].hasMore {
                    _ = try Poll.wait(
                        [(streams[index].descriptor, .writable), (signals.descriptor.raw, .readable)], until: nil)
                    // The machine is over; who wants to go need not wait for a reader.
                    if signals.take().contains(where: { [SIGINT, SIGTERM, SIGHUP].contains($0) }) { return }
                    try streams[index].pass()
                }
            } catch let error as SystemError where error.isBrokenPipe {
                streams[index].discard()
            }
        }
    }
}

/// One output of the payload on its way from the spool to our own.
private struct OutputStream {
    let descriptor: Int32
    /// How much of the spool there is to pass on.
    var end: Int64 = 0
    private let path: String
    private var file: Descriptor?
    private var position: Int64 = 0
    private var isDiscarded = false
    /// A pipe that polls as writable takes that much at once (pipe(7), PIPE_BUF).
    private static let chunk = 4096

    init(spool path: String, to descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    var hasMore: Bool { !isDiscarded && position < end }

    func spoolSize() throws -> Int64 {
        Files.exists(path) ? try Descriptor.open(path, O_RDONLY).size() : 0
    }

    mutating func pass() throws {
        let file = try self.file ?? Descriptor.open(path, O_RDONLY)
        self.file = file
        guard try Poll.wait([(descriptor, .writable)], until: .now)[0] != [] else { return }
        var chunk = [UInt8](repeating: 0, count: Int(min(Int64(Self.chunk), end - position)))
        let got = try retrying("read \(path)") { pread(file.raw, &chunk, chunk.count, off_t(position)) }
        guard got > 0 else { return }
        let went = write(descriptor, chunk, got)
        guard went >= 0 || [EAGAIN, EINTR].contains(errno) else {
            throw SystemError.last("write to descriptor \(descriptor)")
        }
        position += Int64(max(0, went))
    }

    mutating func discard() { isDiscarded = true }
}
