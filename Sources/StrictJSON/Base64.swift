/// Base64 (RFC 4648): written with the standard alphabet and padding; read in the URL-safe alphabet too, and without
/// padding, but without anything between.
package enum Base64 {
    private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")

    /// The six bits of each character; 255 for no character of either alphabet.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, character) in standard.enumerated() { values[Int(character)] = UInt8(value) }
        values[Int(UInt8(ascii: "-"))] = 62
        values[Int(UInt8(ascii: "_"))] = 63
        return values
    }()

    package static func encode(_ bytes: [UInt8]) -> String {
        var characters: [UInt8] = []
        characters.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let count = min(3, bytes.count - start)
            var bits: UInt32 = 0
            for index in 0..<3 { bits = bits << 8 | (index < count ? UInt32(bytes[start + index]) : 0) }
            for index in 0..<4 {
                characters.append(index <= count ? standard[Int(bits >> (18 - 6 * UInt32(index)) & 63)] : padding)
            }
        }
        return String(decoding: characters, as: UTF8.self)
    }

    /// Nil where `text` is no Base64.
    package static func decode(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8 { characters in
            var count = characters.count
            while count > 0, characters.count - count < 2, characters[count - 1] == padding { count -= 1 }
            guard count % 4 != 1, count == characters.count || characters.count % 4 == 0 else { return nil }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(count / 4 * 3 + 2)
            var bits: UInt32 = 0
            var waiting: UInt32 = 0
            for index in 0..<count {
                let value = values[Int(characters[index])]
                if value == 255 { return nil }
                bits = bits << 6 | UInt32(value)
                waiting += 6
                if waiting >= 8 {
                    waiting -= 8
                    bytes.append(UInt8(truncatingIfNeeded: bits >> waiting))
                    bits &= 1 << waiting - 1
                }
            }
            // Bits that belong to no byte are zero (RFC 4648, section 3.5): one text for one value.
            return bits == 0 ? bytes : nil
        }
    }
}
