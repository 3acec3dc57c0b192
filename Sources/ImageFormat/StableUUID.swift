import Crypto

/// A UUID made from a name, so that the same name always gets the same one (RFC 9562, version 8).
package struct StableUUID: Hashable, Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    package init(name: String) {
        var bytes = Array(SHA256.hash(data: Array("sojourn uuid \(name)".utf8)).prefix(16))
        bytes[6] = bytes[6] & 0x0f | 0x80
        bytes[8] = bytes[8] & 0x3f | 0x80
        self.bytes = bytes
    }

    package var description: String {
        let digits = Array("0123456789abcdef")
        var text = ""
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text += "-" }
            text += String([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
        }
        return text
    }
}
