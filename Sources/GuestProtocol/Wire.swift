/// Writes the protocol's primitives: integers big-endian, text and byte strings behind a u32 length, lists behind a u32 count.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ value: Bool) { bytes.append(value ? 1 : 0) }

    mutating func put(raw: some Sequence<UInt8>) { bytes.append(contentsOf: raw) }

    mutating func put(_ text: String) {
        put(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    mutating func put<Element>(_ list: [Element], _ each: (inout WireWriter, Element) -> Void) {
        put(UInt32(list.count))
        for element in list { each(&self, element) }
    }

    mutating func put<Value>(optional value: Value?, _ each: (inout WireWriter, Value) -> Void) {
        put(value != nil)
        if let value { each(&self, value) }
    }
}

/// Reads what `WireWriter` writes, and nothing else: every length is checked against what is there.
struct WireReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    private mutating func take(_ count: Int, _ what: String) throws -> ArraySlice<UInt8> {
        guard count <= rest.count else {
            throw ProtocolError(.truncated, "frame ends inside \(what): \(count) bytes wanted, \(rest.count) left")
        }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func integer<Value: FixedWidthInteger>(_ what: String) throws -> Value {
        try take(MemoryLayout<Value>.size, what).reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
    }

    mutating func boolean(_ what: String) throws -> Bool {
        let byte: UInt8 = try integer(what)
        guard byte <= 1 else { throw ProtocolError(.malformed, "\(what) is \(byte), expected 0 or 1") }
        return byte == 1
    }

    mutating func text(_ what: String) throws -> String {
        let bytes = try take(Int(integer("length of \(what)") as UInt32), what)
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw ProtocolError(.malformed, "\(what) is not UTF-8 text without NUL")
        }
        return text
    }

    mutating func list<Element>(_ what: String, _ each: (inout WireReader) throws -> Element) throws -> [Element] {
        let count: UInt32 = try integer("count of \(what)")
        // An element takes a byte at least: a larger count is a lie, found before anything is reserved for it.
        guard count <= rest.count else {
            throw ProtocolError(.malformed, "\(what): \(count) elements cannot fit the frame")
        }
        return try (0..<count).map { _ in try each(&self) }
    }

    mutating func optional<Value>(_ what: String, _ each: (inout WireReader) throws -> Value) throws -> Value? {
        try boolean(what) ? try each(&self) : nil
    }

    mutating func remainder() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }

    func finish(_ what: String) throws {
        guard rest.isEmpty else { throw ProtocolError(.malformed, "\(what): \(rest.count) bytes too many") }
    }
}
