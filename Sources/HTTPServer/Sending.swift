import Glibc
import Linux
import NIOCore
import NIOHTTP1
import NIOPosix

/// One answer on its way: piece by piece, no faster than the limits and the client allow.
final class Sending {
    private let reply: ServerReply
    private let client: String
    private let service: Service
    private let isLast: Bool
    private let isHeadOnly: Bool
    private let started = NIODeadline.now()
    private let ended: (_ isWhole: Bool) -> Void
    private var record: AccessRecord
    private var handle: NIOFileHandle?
    /// What waits for its turn, and how many bytes were counted for it.
    private var waiting: (task: Scheduled<Void>, bytes: Int)?
    /// The client has closed its side: an answer that it would have to wait for has nobody to go to.
    private var isLeft = false
    private var hasEnded = false
    private var allow: (Duration?) -> Void = { _ in }

    /// - Parameter ended: called once, when the answer has gone or cannot go.
    init(
        _ reply: ServerReply, to head: HTTPRequestHead, by client: String, _ service: Service, isLast: Bool,
        ended: @escaping (Bool) -> Void
    ) {
        self.reply = reply
        self.client = client
        self.service = service
        self.isLast = isLast
        self.ended = ended
        isHeadOnly = head.method == .HEAD
        let asked = head.headers.first(name: "Range").flatMap { reply.status == 206 ? $0 : nil }
        record = AccessRecord(
            client: client, method: String(head.method.rawValue.prefix(16)), path: String(head.uri.prefix(300)),
            status: reply.status, bytes: 0, range: asked.map { String($0.prefix(60).drop { $0 != "=" }.dropFirst()) },
            milliseconds: 0)
    }

    /// - Parameter allow: told how long the client may take for what comes next; nil while it waits for us.
    func begin(_ context: ChannelHandlerContext, allow: @escaping (Duration?) -> Void) {
        self.allow = allow
        guard let wait = wait(for: firstCount) else { return refuse(context) }
        var headers = HTTPHeaders(reply.headers.map { ($0.name, $0.value) })
        headers.add(name: "Content-Length", value: "\(reply.body.count)")
        if isLast { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: Int(reply.status)), headers: headers)
        write(.head(head), context)
        if isHeadOnly { return finish(context) }
        switch reply.body {
        case .bytes(let bytes):
            write(.body(.byteBuffer(context.channel.allocator.buffer(bytes: bytes))), context)
            record.bytes = Int64(bytes.count)
            finish(context)
        case .file(_, let range), .pieces(let range, _): next(range, context, after: wait)
        }
    }

    private func write(_ part: HTTPServerResponsePart, _ context: ChannelHandlerContext) {
        context.write(NIOAny(part), promise: nil)
    }

    /// The client is gone, or takes nothing more: what was counted for it and did not go is given back.
    func leave() {
        isLeft = true
        guard let waiting else { return }
        self.waiting = nil
        waiting.task.cancel()
        service.admission.giveBack(waiting.bytes, of: client)
        ends(isWhole: false)
    }

    /// Too many are being served for this one to get a first piece soon.
    private func refuse(_ context: ChannelHandlerContext) {
        record.status = 503
        let headers = HTTPHeaders([("Retry-After", "5"), ("Content-Length", "0")])
        write(.head(HTTPResponseHead(version: .http1_1, status: .serviceUnavailable, headers: headers)), context)
        finish(context)
    }

    /// Of a body that has limits.
    private var firstCount: Int {
        switch reply.body {
        case .bytes: 0
        case .file(_, let range), .pieces(let range, _): isHeadOnly ? 0 : count(of: range)
        }
    }

    private func count(of rest: Range<Int64>) -> Int {
        Int(min(Int64(service.admission.pieceBytes), Int64(rest.count)))
    }

    private func wait(for count: Int) -> Duration? {
        count == 0 ? .zero : service.admission.take(count, for: client, now: Service.now)
    }

    /// - Parameter wait: before the first piece, which is counted already.
    private func next(_ rest: Range<Int64>, _ context: ChannelHandlerContext, after wait: Duration) {
        guard !rest.isEmpty else { return finish(context) }
        let count = count(of: rest)
        let piece = rest.lowerBound..<rest.lowerBound + Int64(count)
        let send = {
            self.waiting = nil
            self.send(piece, context) {
                let rest = piece.upperBound..<rest.upperBound
                guard let wait = self.wait(for: self.count(of: rest)) else { return self.ends(isWhole: false) }
                self.next(rest, context, after: wait)
            }
        }
        guard wait > .zero else { return send() }
        allow(nil)
        context.flush()
        waiting = (context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(wait), send), count)
        if isLeft { leave() }
    }

    private func send(_ piece: Range<Int64>, _ context: ChannelHandlerContext, then next: @escaping () -> Void) {
        guard context.channel.isActive else {
            service.admission.giveBack(piece.count, of: client)
            return ends(isWhole: false)
        }
        switch reply.body {
        case .bytes: preconditionFailure("bytes go at once")
        case .file(let file, _):
            guard let handle = handle(of: file) else { return ends(isWhole: false) }
            let region = FileRegion(
                fileHandle: handle, readerIndex: Int(piece.lowerBound), endIndex: Int(piece.upperBound))
            put(.body(.fileRegion(region)), piece, context, then: next)
        case .pieces(_, let read):
            allow(nil)
            service.pool.runIfActive(eventLoop: context.eventLoop) { try read(piece) }
                .assumeIsolated().whenComplete { result in
                    guard case .success(let bytes) = result, bytes.count == piece.count, context.channel.isActive
                    else { return self.ends(isWhole: false) }
                    let buffer = context.channel.allocator.buffer(bytes: bytes)
                    self.put(.body(.byteBuffer(buffer)), piece, context, then: next)
                }
        }
    }

    private func put(
        _ part: HTTPServerResponsePart, _ piece: Range<Int64>, _ context: ChannelHandlerContext,
        then next: @escaping () -> Void
    ) {
        allow(service.limits.patience)
        context.writeAndFlush(NIOAny(part)).assumeIsolated().whenComplete { result in
            guard case .success = result else { return self.ends(isWhole: false) }
            self.record.bytes += Int64(piece.count)
            next()
        }
    }

    /// NIO owns what it sends from; it is closed at the end.
    private func handle(of file: Descriptor) -> NIOFileHandle? {
        if let handle { return handle }
        let copy = fcntl(file.raw, F_DUPFD_CLOEXEC, 3)
        if copy >= 0 { handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: copy) }
        return handle
    }

    private func finish(_ context: ChannelHandlerContext) {
        allow(service.limits.patience)
        context.writeAndFlush(NIOAny(HTTPServerResponsePart.end(nil))).assumeIsolated().whenComplete { result in
            if case .success = result { self.ends(isWhole: true) } else { self.ends(isWhole: false) }
        }
    }

    private func ends(isWhole: Bool) {
        if hasEnded { return }
        hasEnded = true
        record.milliseconds = (NIODeadline.now() - started).nanoseconds / 1_000_000
        do { try handle?.close() } catch { preconditionFailure("only this closes it: \(error)") }
        handle = nil
        service.log(record)
        ended(isWhole)
    }
}
