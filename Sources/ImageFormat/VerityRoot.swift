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
            let size = annotations[Annotation.verityDataSize].flatMap({ Int64($0) })
        else { throw refuse("annotations of its verity tree are missing") }
        guard let bytes = Self.bytes(hex: salt == "-" ? "" : salt), bytes.count <= 256 else {
            throw refuse("its verity salt is not hexadecimal or too long")
        }
        rootHash = try Digest(parsing: "sha256:\(root)")
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
        guard digits.count % 2 == 0 else { return nil }
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
