/// What the payload may read of its machine: a file below `/run/sojourn`.
package struct GuestDocument: Equatable, Sendable {
    package enum Content: Equatable, Sendable {
        case text(String)
        /// The payload's start in seconds since 1970, which only the guest knows, and so many seconds more.
        case start(plus: UInt64)
    }

    /// A file's name, with one directory at most.
    package var name: String
    package var content: Content

    package init(name: String, _ content: Content) {
        self.name = name
        self.content = content
    }

    package init(name: String, text: String) { self.init(name: name, .text(text)) }

    /// What the file holds for a payload that starts at `start`, in seconds since 1970.
    package func text(start: UInt64) -> String {
        switch content {
        case .text(let text): text
        case .start(let more): "\(start &+ more)"
        }
    }

    /// One or two parts of letters, digits and `._-`, of which none begins with a point.
    package static func isName(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count <= 2
            && parts.allSatisfy { part in
                !part.isEmpty && part.utf8.count <= 100 && !part.hasPrefix(".")
                    && part.utf8.allSatisfy { byte in
                        switch byte {
                        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                            UInt8(ascii: "-"):
                            true
                        default: false
                        }
                    }
            }
    }

    func write(to writer: inout WireWriter) {
        writer.put(name)
        switch content {
        case .text(let text):
            writer.put(false)
            writer.put(text)
        case .start(let more):
            writer.put(true)
            writer.put(more)
        }
    }

    init(_ reader: inout WireReader) throws {
        name = try reader.text("document's name")
        guard Self.isName(name) else {
            throw ProtocolError(.malformed, "'\(name.prefix(100))' is no document's name")
        }
        content =
            try reader.boolean("kind of document")
            ? .start(plus: try reader.integer("seconds")) : .text(try reader.text("document"))
    }
}
