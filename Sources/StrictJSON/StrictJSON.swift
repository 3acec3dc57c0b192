internal import FoundationEssentials

/// JSON from somebody who may be hostile, and JSON whose bytes are signed or compared.
package enum StrictJSON {
    package struct Limits: Sendable {
        package var bytes: Int
        /// Arrays and objects in one another; at most 512.
        package var depth: Int

        package static let `default` = Limits()

        package init(bytes: Int = 4 << 20, depth: Int = 64) {
            // Beyond it JSONDecoder refuses, and recursion could exhaust a small stack.
            precondition(depth <= 512, "a depth beyond 512 is not supported")
            self.bytes = bytes
            self.depth = depth
        }
    }

    /// Decodes a document that is wholly sound: RFC 8259, UTF-8, no key twice in an object. `source` names it in errors.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], limits: Limits = .default, source: String
    ) throws -> Value {
        try validate(bytes, limits: limits, source: source)
        do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch let fault as DecodingError {
            throw StrictJSONError(.unexpected, "\(source): \(text(of: fault))")
        } catch {
            // Thrown by a type's own parser, which says what it wanted.
            throw StrictJSONError(.unexpected, "\(source): \(error)")
        }
    }

    /// Checks the form alone.
    package static func validate(_ bytes: [UInt8], limits: Limits = .default, source: String) throws {
        _ = try JSONDocument(bytes, limits: limits, source: source)
    }

    /// The same value gives the same bytes: keys sorted, slashes as they are. Pretty ends with a newline.
    package static func encode(_ value: some Encodable, pretty: Bool = false) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        do {
            let bytes = [UInt8](try encoder.encode(value))
            return pretty ? bytes + [UInt8(ascii: "\n")] : bytes
        } catch let fault as EncodingError {
            guard case .invalidValue(let value, let context) = fault else {
                throw StrictJSONError(.unencodable, "encode as JSON: \(fault)")
            }
            throw StrictJSONError(
                .unencodable, "encode as JSON: \(value) at \(path(context.codingPath)): \(context.debugDescription)")
        }
    }
}

// MARK: - What a decoder says

extension StrictJSON {
    private static func text(of fault: DecodingError) -> String {
        switch fault {
        case .keyNotFound(let key, let context):
            return "at \(path(context.codingPath)): the key '\(key.stringValue)' is missing"
        case .typeMismatch(let type, let context):
            return "at \(path(context.codingPath)): expected \(name(of: type)), found something else"
        case .valueNotFound(let type, let context):
            return "at \(path(context.codingPath)): expected \(name(of: type)), found null"
        case .dataCorrupted(let context):
            let underlying = context.underlyingError.map { ": \($0)" } ?? ""
            // What Foundation (Swift 6.3) says of a number that its type does not hold, without the place.
            let hint = context.codingPath.isEmpty ? " (the form of the JSON is sound: is a number out of range?)" : ""
            return "at \(path(context.codingPath)): \(context.debugDescription)\(underlying)\(hint)"
        @unknown default: return "\(fault)"
        }
    }

    /// `machines[2].name`; the document itself is `the top level`.
    private static func path(_ keys: [any CodingKey]) -> String {
        if keys.isEmpty { return "the top level" }
        return keys.reduce(into: "") { text, key in
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += (text.isEmpty ? "" : ".") + key.stringValue
            }
        }
    }

    private static func name(of type: Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is any FixedWidthInteger.Type: "an integer (\(type))"
        case is any BinaryFloatingPoint.Type: "a number"
        case is [String: Any].Type: "an object"
        case is [Any].Type: "an array"
        default: "\(type)"
        }
    }
}
