import GridModel
import Policy
import Settings

extension FuzzTarget {
    static let words = [
        FuzzTarget("debian-version", refusals: PolicyError.self) { bytes in
            try checkOrder(try lines(bytes).prefix(6).map { try DebianVersion(parsing: $0) })
        },
        FuzzTarget("python-version", refusals: PolicyError.self) { bytes in
            try checkOrder(try lines(bytes).prefix(6).map { try PythonVersion(parsing: $0) })
        },
        FuzzTarget("rule", refusals: PolicyError.self, GridModelError.self) { bytes in
            let texts = lines(bytes)
            let subject = try Subject(parsing: texts[0])
            let again: Subject
            do { again = try Subject(parsing: subject.description) } catch {
                throw BrokenPromise(description: "'\(subject)' was read and is refused: \(error)")
            }
            try BrokenPromise.unless(again == subject, "'\(subject)' is another when it is written and read")
            if case .environment(let pattern) = subject { _ = pattern.matches(texts.last ?? "") }
        },
        FuzzTarget("catalogue-address", refusals: ConfigurationError.self) { bytes in
            _ = try HTTPAddress(parsing: String(decoding: bytes, as: UTF8.self))
        },
        FuzzTarget("environment", refusals: GridModelError.self) { bytes in
            try checkText(Environment.self, bytes)
        },
        FuzzTarget("time", refusals: GridModelError.self) { bytes in try checkText(Timestamp.self, bytes) },
        FuzzTarget("quantity", refusals: GridModelError.self) { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            func attempt(_ body: () throws -> Void) throws { do { try body() } catch is GridModelError {} }
            try attempt { try checkText(ByteCount.self, bytes) }
            try attempt { try checkText(WallTime.self, bytes) }
            try attempt { _ = try ByteRange(parsing: text) }
            try attempt { _ = try CoreRange(parsing: text) }
            try attempt { _ = try ArchitectureLevel(parsing: text) }
            try attempt { _ = try MachineID(parsing: text) }
        },
    ]

    /// What was read reads the same when it is written.
    private static func checkText<Value: TextualValue>(_ type: Value.Type, _ bytes: [UInt8]) throws {
        let value = try Value(parsing: String(decoding: bytes, as: UTF8.self))
        let again: Value
        do { again = try Value(parsing: value.description) } catch {
            throw BrokenPromise(description: "'\(value)' was read and is refused: \(error)")
        }
        try BrokenPromise.unless(again == value, "'\(value)' is another when it is written and read: '\(again)'")
    }
}
