import StrictJSON

extension FuzzTarget {
    static let json = [
        FuzzTarget("json", refusals: StrictJSONError.self) { bytes in
            let document = try JSONDocument(bytes, source: "fuzz")
            let value = try StrictJSON.decode(JSONValue.self, from: bytes, source: "fuzz")
            let again = try StrictJSON.decode(JSONValue.self, from: try StrictJSON.encode(value), source: "again")
            try BrokenPromise.unless(isSame(value, again), "\(value) was written and read as \(again)")
            visit(document.root)
        },
        FuzzTarget("canonical", refusals: StrictJSONError.self) { bytes in
            let canonical = try JSONDocument(bytes, source: "fuzz").root.canonical()
            // Which OLPC's form does not escape, and JSON does not allow.
            if canonical.contains(where: { $0 < 32 }) { return }
            let again: [UInt8]
            do { again = try JSONDocument(canonical, source: "canonical").root.canonical() } catch {
                throw BrokenPromise(description: "the canonical form is refused: \(error)")
            }
            try BrokenPromise.unless(
                again == canonical,
                "\(String(decoding: canonical, as: UTF8.self)) is not the canonical form of itself")
        },
    ]

    /// Numbers by value: a large double is whole, and may be read as an integer when it has been written.
    private static func isSame(_ left: JSONValue, _ right: JSONValue) -> Bool {
        switch (left, right) {
        case (.array(let left), .array(let right)): left.elementsEqual(right, by: isSame)
        case (.object(let left), .object(let right)):
            left.count == right.count && left.allSatisfy { key, value in right[key].map { isSame(value, $0) } ?? false }
        case (.double, .int), (.int, .double), (.double, .double): left.double == right.double
        default: left == right
        }
    }

    /// Asks each value for everything that it may be.
    private static func visit(_ element: JSONElement) {
        func attempt<Value>(_ body: () throws -> Value) -> Value? { do { return try body() } catch { return nil } }
        _ = attempt { try element.integer() }
        _ = attempt { try element.bool() }
        _ = attempt { try element.text() }
        // To tell the place of a refusal, and to find a member, takes a look at all that is before it.
        for item in (attempt { try element.elements() } ?? []).prefix(100) { visit(item) }
        for member in (attempt { try element.members() } ?? []).prefix(100) {
            precondition(attempt { try element.required(member.key) } != nil, "a member is not found under its own key")
            visit(member.value)
        }
    }
}
