import NIOCore
import NIOHTTP1
import NIOPosix

/// One connection: a request, its answer, the next request.
final class Connection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// What of a connection is under way.
    private enum State {
        /// Before the head of a request.
        case waiting
        case reading(HTTPRequestHead)
        case answering
        case closed
    }

    private let service: Service
    private var state = State.waiting
    private var body: [UInt8] = []
    private var client = ""
    private var isBusy = false
    /// After this answer nothing more is taken.
    private var isLast = false
    /// When what is waited for must have come; nil while the client waits for us.
    private var deadline: NIODeadline?
    private var watch: Scheduled<Void>?
    private var sending: Sending?

    init(_ service: Service) { self.service = service }

    // MARK: Life

    func channelActive(context: ChannelHandlerContext) {
        client = context.remoteAddress?.ipAddress ?? "unknown"
        switch service.admission.enter(client, now: Service.now) {
        case .admitted: break
        case .busy: isBusy = true
        case .refused:
            client = ""
            return context.close(promise: nil)
        }
        allow(service.limits.patience)
        look(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        watch?.cancel()
        watch = nil
        state = .closed
        sending?.leave()
        if !client.isEmpty { service.admission.leave(client) }
        client = ""
        context.fireChannelInactive()
    }

    /// Ends a connection whose client takes too long, now and from now on.
    private func look(_ context: ChannelHandlerContext) {
        if let deadline, deadline < .now() { return close(context) }
        let interval = TimeAmount(service.limits.patience / 8)
        watch = context.eventLoop.assumeIsolated().scheduleTask(in: interval) { self.look(context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { close(context) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is Connections.Ending:
            isLast = true
            if case .waiting = state { close(context) }
        case ChannelEvent.inputClosed:
            // Half a connection is none of a client's that waits for an answer.
            guard case .answering = state else { return close(context) }
            isLast = true
            sending?.leave()
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    private func allow(_ patience: Duration?) { deadline = patience.map { .now() + TimeAmount($0) } }

    private func close(_ context: ChannelHandlerContext) {
        if case .closed = state { return }
        state = .closed
        context.close(promise: nil)
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), .waiting):
            state = .reading(head)
            body = []
            if !head.isKeepAlive { isLast = true }
        case (.body(let piece), .reading(let head)):
            guard body.count + piece.readableBytes <= service.limits.bodyBytes else {
                isLast = true
                return reply(ServerReply(413, "too long"), to: head, nil, context)
            }
            body += piece.readableBytesView
        case (.end, .reading(let head)):
            answer(head, context)
        default:
            // The next request before the answer to this one: what follows is not read.
            isLast = true
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        if isBusy {
            isLast = true
            return reply(ServerReply(503, "busy", headers: [("Retry-After", "2")]), to: head, nil, context)
        }
        guard let method = ServerRequest.Method(rawValue: head.method.rawValue) else {
            isLast = true
            return reply(ServerReply(405, "only GET, HEAD and POST"), to: head, nil, context)
        }
        guard let path = RequestPath.components(of: head.uri) else {
            return reply(.notFound, to: head, nil, context)
        }
        let ranges = head.headers["Range"]
        let request = ServerRequest(
            method: method, path: path, range: ranges.count == 1 ? AskedRange(parsing: ranges[0]) : nil, body: body,
            client: client)
        state = .answering
        allow(nil)
        let answer = service.answer
        service.pool.runIfActive(eventLoop: context.eventLoop) {
            do { return try answer(request) } catch { return ServerReply(500, "failed") }
        }
        .assumeIsolated().whenComplete { result in
            switch result {
            case .success(let reply): self.reply(reply, to: head, request, context)
            case .failure: self.close(context)
            }
        }
    }

    private func reply(
        _ reply: ServerReply, to head: HTTPRequestHead, _ request: ServerRequest?, _ context: ChannelHandlerContext
    ) {
        if case .closed = state { return }
        state = .answering
        let sending = Sending(reply, to: head, by: client, service, isLast: isLast) { isWhole in
            self.finish(isWhole: isWhole, context)
        }
        self.sending = sending
        sending.begin(context, allow: { self.allow($0) })
    }

    private func finish(isWhole: Bool, _ context: ChannelHandlerContext) {
        sending = nil
        guard isWhole, !isLast else { return close(context) }
        guard case .answering = state else { return }
        state = .waiting
        allow(service.limits.patience)
    }
}
