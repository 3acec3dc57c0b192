import Glibc
import ImageStore
import Linux

/// One client in its transmission phase. What is here is answered by the thread that reads the requests, many in one write;
/// what is not, by whoever brings it.
final class BlockConnection: Sendable {
    private let socket: Descriptor
    private let blocks: ServedBlocks
    private let isStructured: Bool
    /// Requests that wait for blocks. Who sends more of them than this waits too.
    private let waiting = Guarded(0)
    private static let mostWaiting = 256
    private let output = Guarded(Output())

    private struct Output {
        var isBroken = false
    }

    init(_ socket: Descriptor, _ blocks: ServedBlocks, isStructured: Bool) {
        self.socket = socket
        self.blocks = blocks
        self.isStructured = isStructured
    }

    /// Serves until the client goes; returns when nothing of it waits any more.
    func run() throws {
        defer { _ = waiting.wait(until: nil) { $0 == 0 ? true : nil } }
        let room = 1 << 16
        let input = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 16)
        defer { input.deallocate() }
        var replies = Replies(isStructured: isStructured)
        defer { replies.deallocate() }
        var filled = 0
        while true {
            let got = recv(socket.raw, input.baseAddress?.advanced(by: filled), room - filled, 0)
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { return }
            filled += got
            var start = 0
            while filled - start >= NBD.requestSize {
                let bytes = UnsafeRawBufferPointer(rebasing: input[start..<start + NBD.requestSize])
                guard let request = NBDRequest(bytes) else {
                    throw BlockServerError(.badClient, "a client sent what is no request")
                }
                start += NBD.requestSize
                // The data of a write would be taken for requests.
                if [NBD.Command.disconnect, NBD.Command.write].contains(request.type) { return try send(&replies) }
                try serve(request, &replies)
            }
            try send(&replies)
            input.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[start..<filled]))
            filled -= start
        }
    }

    private func serve(_ request: NBDRequest, _ replies: inout Replies) throws {
        switch request.type {
        case NBD.Command.read: break
        case NBD.Command.flush, NBD.Command.cache: return replies.acknowledge(request)
        default: return replies.refuse(request, .notPermitted)
        }
        guard request.length > 0, request.length <= NBD.mostBytes,
            let offset = Int64(exactly: request.offset), offset <= blocks.size - Int64(request.length)
        else { return replies.refuse(request, .invalid) }
        let range = offset..<offset + Int64(request.length)
        if try replies.answer(request, { try blocks.read(range, into: $0) }) {
            if replies.isLong { try send(&replies) }
            return
        }
        try send(&replies)
        _ = waiting.wait(until: nil) { count in
            guard count < Self.mostWaiting else { return Bool?.none }
            count += 1
            return true
        }
        blocks.demand(range) { [self] result in
            answerLate(request, range, result)
            waiting.change { $0 -= 1 }
        }
    }

    /// On the thread that brought the blocks.
    private func answerLate(_ request: NBDRequest, _ range: Range<Int64>, _ result: Result<Void, any Error>) {
        var replies = Replies(isStructured: isStructured)
        defer { replies.deallocate() }
        do {
            try result.get()
            if try !replies.answer(request, { try blocks.read(range, into: $0) }) {
                throw ImageStoreError(
                    .corruptedBlob, "what was just fetched of \(blocks.digest) is not what this host's disk gives back")
            }
        } catch {
            blocks.failed(error)
            replies.refuse(request, .inputOutput)
        }
        do { try send(&replies) } catch {
            // The client has gone, which the reading thread sees.
        }
    }

    private func send(_ replies: inout Replies) throws {
        defer { replies.clear() }
        let bytes = replies.bytes
        if bytes.isEmpty { return }
        try output.withLock { output in
            if output.isBroken { return }
            var done = 0
            while done < bytes.count {
                let went = Glibc.send(
                    socket.raw, bytes.baseAddress?.advanced(by: done), bytes.count - done, Int32(MSG_NOSIGNAL))
                if went < 0 && errno == EINTR { continue }
                guard went > 0 else {
                    output.isBroken = true
                    if went < 0 && (errno == EPIPE || errno == ECONNRESET) { return }
                    throw SystemError.last("answer a client of the block server")
                }
                done += went
            }
        }
    }
}
