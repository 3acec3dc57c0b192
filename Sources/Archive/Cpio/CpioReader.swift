/// One entry of a cpio archive. `mode` holds the type of file and the permissions, as in `stat`.
package struct CpioEntry: Equatable, Sendable {
    package let path: String
    package let mode: UInt32
    package let size: Int64
    package let links: UInt32

    package var isDirectory: Bool { mode & CpioWriter.typeMask == CpioWriter.directoryType }
    package var isFile: Bool { mode & CpioWriter.typeMask == CpioWriter.fileType }
}

/// Reads a "newc" archive strictly: what the kernel would read in another way than it looks is `malformed`.
package final class CpioReader {
    private static let headerSize = 110

    private var stream: ByteStream
    private var dataLeft: Int64 = 0
    private var padding = 0
    private var current = ""

    package init(source: @escaping ByteSource) { stream = ByteStream(source) }

    /// The next entry; nil after the trailer. What is left of the entry before is passed over.
    package func next() throws -> CpioEntry? {
        try stream.skip(dataLeft, "the contents of \(current)")
        try zeros(padding, "the padding of \(current)")
        (dataLeft, padding) = (0, 0)
        let start = stream.offset
        let fields = try header(at: start)
        // The order of CpioWriter.emit.
        let (mode, links, size, nameSize) = (fields[1], fields[4], fields[6], Int(fields[11]))
        guard (2...CpioWriter.nameLimit).contains(nameSize) else {
            throw malformed(start, "a name of \(nameSize) bytes, expected 2 to \(CpioWriter.nameLimit)")
        }
        let name = try stream.exactly(nameSize, "a name")
        guard name.firstIndex(of: 0) == nameSize - 1,
            let path = String(validating: name.dropLast(), as: UTF8.self)
        else {
            throw malformed(start, "the name is not UTF-8 text with one NUL at its end")
        }
        current = printable(path)
        try zeros(Int64(Self.headerSize + nameSize).padding(to: 4), "the name of \(current)")
        if path == CpioWriter.trailer {
            if size != 0 || mode != 0 { throw malformed(start, "the trailer has contents or a mode") }
            return nil
        }
        dataLeft = Int64(size)
        padding = dataLeft.padding(to: 4)
        return CpioEntry(path: path, mode: mode, size: dataLeft, links: links)
    }

    /// The contents of the entry last returned, in pieces; empty at their end.
    package func readData(upTo count: Int) throws -> [UInt8] {
        guard dataLeft > 0 else { return [] }
        let bytes = try stream.some(upTo: min(count, Int(dataLeft)))
        if bytes.isEmpty { throw stream.truncated("the contents of \(current)") }
        dataLeft -= Int64(bytes.count)
        return bytes
    }

    /// After the trailer: the kernel would unpack a further archive there, even a compressed one, so only zeros may
    /// follow, as many as GNU cpio pads with, up to a multiple of 4 (the kernel wants its archives so aligned).
    package func checkEnd() throws {
        var left = 512
        while true {
            let start = stream.offset
            let bytes = try stream.some(upTo: 512)
            if bytes.isEmpty { break }
            left -= bytes.count
            guard left >= 0, bytes.allSatisfy({ $0 == 0 }) else {
                throw malformed(start, "something follows the trailer, where only padding may be")
            }
        }
        if stream.offset % 4 != 0 { throw malformed(stream.offset, "the archive's length is no multiple of 4") }
    }

    private func header(at start: Int64) throws -> [UInt32] {
        let bytes = try stream.exactly(Self.headerSize, "a header")
        guard bytes.starts(with: CpioWriter.magic) else {
            throw malformed(start, "no header of the newc format (070701)")
        }
        return try stride(from: 6, to: Self.headerSize, by: 8).map { field in
            try bytes[field..<field + 8].reduce(0 as UInt32) { value, byte in
                guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                    throw malformed(start, "a header field is not hexadecimal")
                }
                return value << 4 | UInt32(digit)
            }
        }
    }

    private func zeros(_ count: Int, _ what: String) throws {
        let start = stream.offset
        guard try stream.exactly(count, what).allSatisfy({ $0 == 0 }) else {
            throw malformed(start, "\(what) is not padded with zeros")
        }
    }

    private func malformed(_ offset: Int64, _ reason: String) -> ArchiveError {
        ArchiveError(.malformed, "cpio archive at byte \(offset): \(reason)")
    }
}
