package import GridModel

/// What must be known to trust a filesystem and its verity tree: three annotations of the layer.
package struct VerityRoot: Hashable, Sendable {
    package let rootHash: Digest
    package let salt: [UInt8]
    package let dataSize: Int64

    package init(rootHash: Digest, salt: [UInt8], dataSize: Int64) {
        self.rootHash = rootHash
        self.salt = salt
        self.dataSize = dataSize
    }

    package init(annotations: [String: String], layer: Digest) throws {
        func refuse(_ what: String) -> ImageFormatError {
            ImageFormatError(
                .invalidManifest, "layer \(layer): \(what); the image was not made by sojourn or is damaged")
        }
        guard let root = annotations[Annotation.verityRoot], let salt = annotations[Annotation.veritySalt],
            let text = annotations[Annotation.verityDataSize]
        else { throw refuse("annotations of its verity tree are missing") }
        // In one way only: Int64 reads +1 and 01 too.
        guard let size = Int64(text), String(size) == text, size >= 0 else {
            throw refuse("the size that its verity tree covers is no number")
        }
        guard let bytes = Self.bytes(hex: salt == "-" ? "" : salt), bytes.count <= 256 else {
            throw refuse("its verity salt is not hexadecimal or too long")
        }
        do { rootHash = try Digest(parsing: "sha256:\(root)") } catch {
            throw refuse("its verity root is not 64 digits 0-9a-f")
        }
        self.salt = bytes
        dataSize = size
    }

    package var annotations: [String: String] {
        let digits = Array("0123456789abcdef")
        let hex = String(salt.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
        return [
            Annotation.verityRoot: rootHash.hex, Annotation.veritySalt: hex.isEmpty ? "-" : hex,
            Annotation.verityDataSize: "\(dataSize)",
        ]
    }

    private static func bytes(hex: String) -> [UInt8]? {
        let digits = Array(hex.utf8)
        // UInt8 would read a sign too.
        guard digits.count % 2 == 0, hex.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        return bytes
    }
}
