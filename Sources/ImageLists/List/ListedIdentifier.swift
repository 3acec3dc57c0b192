internal import Crypto
import GridModel

/// The UUID of a list or of an image in it, `dc:identifier`; in lower case.
package struct ListedIdentifier: TextualValue {
    package let description: String

    package init(parsing text: String) throws {
        let groups = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard groups.map(\.count) == [8, 4, 4, 4, 12], groups.joined().allSatisfy(isHexadecimal) else {
            throw ImageListError(
                .malformedList,
                "'\(text.prefix(60))' is no UUID: expected for example 4ba43e2b-3be2-4c1f-9f0a-27a3b0c4d5e6")
        }
        description = text.lowercased()
    }
}

/// The sha512 of an image's file, `sl:checksum:sha512`: 128 hexadecimal digits, in lower case.
package struct ImageChecksum: TextualValue {
    package let description: String

    package init(parsing text: String) throws {
        guard text.utf8.count == 128, text.utf8.allSatisfy(isHexadecimal) else {
            throw ImageListError(
                .malformedList, "'\(text.prefix(150))' is no sha512: expected 128 hexadecimal digits")
        }
        description = text.lowercased()
    }

    /// Of bytes at hand: of an image of ours, those of its manifest.
    package init(of bytes: [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        description = String(
            decoding: SHA512.hash(data: bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

private func isHexadecimal(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (97...102).contains(byte) || (65...70).contains(byte)
}
