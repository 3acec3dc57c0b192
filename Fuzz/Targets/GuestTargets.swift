import GuestProtocol

extension FuzzTarget {
    static let guest = [
        FuzzTarget("frames", refusals: ProtocolError.self) { bytes in
            // The first byte says in which pieces the others come.
            guard let first = bytes.first else { return }
            var decoder = FrameDecoder()
            var rest = bytes.dropFirst()
            while !rest.isEmpty {
                decoder.append(Array(rest.prefix(Int(first) + 1)))
                rest = rest.dropFirst(Int(first) + 1)
                while let frame = try decoder.next() { try check(frame) }
            }
        },
        FuzzTarget("feature-request") { bytes in _ = FeatureRequest.read(bytes) },
    ]

    /// A frame is at most one side's message, and reads as it was written.
    private static func check(_ frame: Frame) throws {
        do {
            let message = try GuestMessage(frame)
            try BrokenPromise.unless(
                message.frame(sequence: frame.sequence) == frame, "\(message) is written otherwise than it was read")
        } catch is ProtocolError {
            let message = try HostMessage(frame)
            try BrokenPromise.unless(
                message.frame(sequence: frame.sequence) == frame, "\(message) is written otherwise than it was read")
        }
    }
}
