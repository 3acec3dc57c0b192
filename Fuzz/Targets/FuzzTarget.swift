/// A parser of what strangers write, and what must hold of it whatever the bytes are: it refuses them with an error of
/// its module's, or reads them and keeps its promises.
package struct FuzzTarget: Sendable {
    package let name: String
    private let refusals: [any Error.Type]
    private let parse: @Sendable ([UInt8]) throws -> Void

    init(_ name: String, refusals: any Error.Type..., parse: @escaping @Sendable ([UInt8]) throws -> Void) {
        self.name = name
        self.refusals = refusals
        self.parse = parse
    }

    /// True where the bytes were read, false where they were refused. Throws where a promise is broken, or where the bytes
    /// are refused with an error that no caller expects.
    @discardableResult
    package func run(_ bytes: [UInt8]) throws -> Bool {
        do {
            try parse(bytes)
            return true
        } catch  where refusals.contains(where: { $0 == type(of: error) }) { return false }
    }
}

/// What a parser did that it never may.
struct BrokenPromise: Error, CustomStringConvertible {
    let description: String

    /// Throws where `condition` does not hold.
    static func unless(_ condition: Bool, _ description: @autoclosure () -> String) throws {
        if !condition { throw BrokenPromise(description: description()) }
    }
}

extension FuzzTarget {
    package static let all: [FuzzTarget] =
        json + tuf + imageLists + yaml + keys + archives + guest + images + words + addresses + registries + deltas
        + servers
}

/// Bytes as lines of text; what is no UTF-8 in them is replaced.
func lines(_ bytes: [UInt8]) -> [String] {
    bytes.split(separator: 10, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
}

/// Refuses an order that is none: all must compare as their places do after sorting.
func checkOrder<Value: Comparable>(_ values: [Value]) throws {
    for left in values {
        for right in values {
            try BrokenPromise.unless(
                [left < right, left == right, left > right].count { $0 } == 1,
                "'\(left)' and '\(right)' are not exactly one of less, equal, greater")
            for third in values where left < right && right < third {
                try BrokenPromise.unless(
                    left < third, "'\(left)' < '\(right)' < '\(third)', but not the first < the last")
            }
        }
    }
}
