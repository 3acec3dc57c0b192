/// What a kernel module says of itself: the strings of its ELF section `.modinfo` (Linux include/linux/moduleparam.h).
///
/// Debian's kernel packages carry no modules.dep, which depmod would make from the same: modpost wrote `depends=` from the
/// symbols that the module uses.
struct ModuleFile {
    /// Names of modules, `-` written as `_`.
    let dependencies: [String]
    /// Modules to load before it if they are there.
    let softDependencies: [String]

    init(_ bytes: [UInt8], name: String) throws {
        let strings = try Self.modinfo(bytes, name: name)
        func values(_ key: String) -> [String] {
            strings.filter { $0.hasPrefix("\(key)=") }.map { String($0.dropFirst(key.count + 1)) }
        }
        dependencies = values("depends").flatMap { $0.split(separator: ",") }.map(Self.normalised)
        softDependencies = values("softdep").flatMap { value -> [String] in
            // "pre: a b post: c"
            let words = value.split(separator: " ")
            guard let start = words.firstIndex(of: "pre:") else { return [] }
            return words[(start + 1)...].prefix { !$0.hasSuffix(":") }.map(Self.normalised)
        }
    }

    static func normalised(_ name: some StringProtocol) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }

    /// ELF-64 little endian only (System V gABI, chapter 4): section headers, then the section by its name.
    private static func modinfo(_ bytes: [UInt8], name: String) throws -> [String] {
        func refuse(_ what: String) -> ImageFactoryError {
            ImageFactoryError(.unsuitableKernel, "the kernel module \(name) \(what)")
        }
        func integer(_ offset: Int, _ size: Int) throws -> Int {
            guard offset >= 0, offset <= bytes.count - size else { throw refuse("is cut short") }
            let value = (0..<size).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << (8 * UInt64($1)) }
            guard value < 1 << 40 else { throw refuse("has an impossible offset") }
            return Int(value)
        }
        guard bytes.count > 64, bytes[0..<6] == [0x7f, 0x45, 0x4c, 0x46, 2, 1] else {
            throw refuse("is no 64-bit ELF file")
        }
        let table = try integer(0x28, 8)
        let (entrySize, count, namesIndex) = (try integer(0x3a, 2), try integer(0x3c, 2), try integer(0x3e, 2))
        func section(_ index: Int) throws -> (name: Int, offset: Int, size: Int) {
            let header = table + index * entrySize
            return (try integer(header, 4), try integer(header + 0x18, 8), try integer(header + 0x20, 8))
        }
        let names = try section(namesIndex)
        let wanted = Array(".modinfo\0".utf8)
        for index in 0..<count {
            let found = try section(index)
            let start = names.offset + found.name
            guard start >= 0, start + wanted.count <= bytes.count,
                bytes[start..<start + wanted.count].elementsEqual(wanted)
            else { continue }
            guard found.offset >= 0, found.offset + found.size <= bytes.count else { throw refuse("is cut short") }
            return bytes[found.offset..<found.offset + found.size].split(separator: 0).map {
                String(decoding: $0, as: UTF8.self)
            }
        }
        throw refuse("has no section .modinfo")
    }
}
