/// A number of bytes, written with a unit: `1GiB`, `512MiB`, `1.5GB`, `4096`.
package struct ByteCount: TextualValue, Comparable {
    package let bytes: Int64

    package init(_ bytes: Int64) { self.bytes = bytes }

    package static func mebibytes(_ count: Int64) -> ByteCount { ByteCount(count << 20) }
    package static func gibibytes(_ count: Int64) -> ByteCount { ByteCount(count << 30) }

    private static let units: [(name: String, factor: Double)] = [
        ("KiB", 0x1p10), ("MiB", 0x1p20), ("GiB", 0x1p30), ("TiB", 0x1p40),
        ("kB", 1e3), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12),
        ("K", 0x1p10), ("M", 0x1p20), ("G", 0x1p30), ("T", 0x1p40), ("B", 1),
    ]

    package init(parsing text: String) throws {
        let unit = Self.units.first { text.hasSuffix($0.name) }
        let number = text.dropLast(unit?.name.count ?? 0)
        guard let value = Double(number), number.utf8.allSatisfy({ (48...57).contains($0) || $0 == 46 }),
            value * (unit?.factor ?? 1) < 0x1p62
        else {
            throw GridModelError(
                .invalidQuantity,
                "'\(text.prefix(40))' is no size: expected a number with a unit, for example 1GiB or 512MiB")
        }
        bytes = Int64((value * (unit?.factor ?? 1)).rounded())
    }

    /// Exact: the largest binary unit that divides it.
    package var description: String {
        for (name, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)]
        where bytes != 0 && bytes % (1 << shift) == 0 {
            return "\(bytes >> shift)\(name)"
        }
        return "\(bytes)"
    }

    /// For people: three digits and a unit.
    package var rounded: String {
        var value = Double(bytes)
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if value < 1000 {
                return
                    "\(value < 10 && unit != "B" ? "\((value * 10).rounded() / 10)" : "\(Int(value.rounded()))") \(unit)"
            }
            value /= 1024
        }
        return "\((value * 10).rounded() / 10) TiB"
    }

    package static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
}
