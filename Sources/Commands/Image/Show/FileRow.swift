import GridModel
import ImageFormat

/// One line of `image show --files`.
struct FileRow: Encodable {
    let path: String
    /// As mtree(5) names them; `removed` for what a layer removes of those below it.
    let type: String
    let mode: String?
    let uid: UInt32?
    let gid: UInt32?
    let size: Int64?
    let modified: Timestamp?
    let digest: Digest?
    let target: String?
    /// Names of extended attributes.
    let attributes: [String]?
    let layer: String

    init(_ element: FileListingOverlay.Element, layer: String) {
        let entry = element.entry
        let isThere = !entry.isWhiteout
        path = entry.absolutePath
        self.layer = layer
        type = isThere ? entry.kind.typeName : "removed"
        // Four digits.
        mode = isThere ? String(String(Int(entry.mode) + 0o10000, radix: 8).dropFirst()) : nil
        uid = isThere ? entry.uid : nil
        gid = isThere ? entry.gid : nil
        modified = isThere ? entry.modified : nil
        attributes = entry.attributes.isEmpty ? nil : entry.attributes.keys.sorted()
        if case .file(let bytes, let content) = entry.kind {
            (size, digest) = (bytes, content)
        } else {
            (size, digest) = (nil, nil)
        }
        if case .symbolicLink(let to) = entry.kind { target = to } else { target = nil }
    }

    static func header(layerWidth: Int) -> String {
        line("MODE", "OWNER", "SIZE", "LAYER".padded(to: layerWidth), "PATH")
    }

    /// As `ls -l` has it; of names without what a terminal would obey.
    func line(layerWidth: Int) -> String {
        let owner = uid.flatMap { uid in gid.map { "\(uid):\($0)" } } ?? ""
        return Self.line(
            modeText + (attributes == nil ? "" : "+"), owner, size.map(String.init) ?? "",
            layer.padded(to: layerWidth), path.escaped + (target.map { " -> \($0.escaped)" } ?? ""))
    }

    private static func line(_ mode: String, _ owner: String, _ size: String, _ layer: String, _ path: String) -> String
    {
        let padding = String(repeating: " ", count: max(0, 11 - size.count))
        return "\(mode.padded(to: 11))  \(owner.padded(to: 11))  \(padding)\(size)  \(layer)  \(path)"
    }

    private var modeText: String {
        guard let mode, let bits = Int(mode, radix: 8) else { return type }
        let letter = type == "file" ? "-" : type == "fifo" ? "p" : type.first ?? "?"
        let permissions = "rwxrwxrwx".enumerated().map { bits >> (8 - $0.offset) & 1 == 1 ? $0.element : "-" }
        var text = [letter] + permissions
        let special: [(bit: Int, place: Int, letter: String)] = [(0o4000, 3, "s"), (0o2000, 6, "s"), (0o1000, 9, "t")]
        for (bit, place, letter) in special where bits & bit != 0 {
            text[place] = Character(text[place] == "x" ? letter : letter.uppercased())
        }
        return String(text)
    }
}

extension String {
    /// With control characters as Swift writes them: `\u{1B}`.
    fileprivate var escaped: String {
        guard unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return self }
        return unicodeScalars.map { $0.properties.generalCategory == .control ? $0.escaped(asASCII: true) : String($0) }
            .joined()
    }
}
