@testable import HTTPTransport

extension FuzzTarget {
    static let addresses = [
        FuzzTarget("address", refusals: HTTPTransportError.self) { bytes in
            let texts = lines(bytes)
            let address = try HTTPAddress(texts[0])
            let again: HTTPAddress
            do { again = try HTTPAddress(address.description) } catch {
                throw BrokenPromise(description: "'\(address)' was read and is refused: \(error)")
            }
            try BrokenPromise.unless(again == address, "'\(address)' is another when it is written and read")
            if texts.count > 1 { _ = try address.following(texts[1]) }
        },
        FuzzTarget("content-range", refusals: HTTPTransportError.self) { bytes in
            guard let range = ContentRange(parsing: String(decoding: bytes, as: UTF8.self)) else {
                throw HTTPTransportError(.malformed, "no range")
            }
            try BrokenPromise.unless(
                range.bytes.lowerBound >= 0 && !range.bytes.isEmpty
                    && range.complete ?? .max >= range.bytes.upperBound, "\(range) was read")
        },
    ]
}
