/// The names of files as listings hold them: UTF-8.
enum TreeName {
    static func text(of bytes: [UInt8], in directory: String) throws -> String {
        guard let name = String(validating: bytes, as: UTF8.self) else {
            throw ImageTreeError(
                .refusedName,
                "in the directory \(directory) the name '\(escaped(bytes))' is not UTF-8, as an image's names must be: "
                    + "rename the file, for example with mv in a build script")
        }
        return name
    }

    /// For messages: what is not printable ASCII in octal, as `ls -b` shows it.
    static func escaped(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            if (0x20...0x7e).contains(byte) && byte != UInt8(ascii: "\\") { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 8)
            return "\\" + String(repeating: "0", count: 3 - digits.utf8.count) + digits
        }.joined()
    }
}
