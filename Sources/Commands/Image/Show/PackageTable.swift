import ImageFormat

/// The packages of an image.
struct PackageTable: Shown {
    private let list: PackageList

    init(_ list: PackageList) { self.list = list }

    func printForPeople() {
        let rows = list.packages.map { [$0.type.rawValue, $0.name, $0.version, $0.architecture ?? ""] }
        Output.table(["TYPE", "NAME", "VERSION", "ARCHITECTURE"], rows)
    }

    func encode(to encoder: any Encoder) throws { try list.encode(to: encoder) }
}
