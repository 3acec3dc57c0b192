/// How commands print data for people: on standard output, as tables and lists of fields.
enum Output {
    /// Columns as wide as their widest entry.
    static func table(_ header: [String], _ rows: [[String]]) {
        let rows = rows.map { $0.map(\.escapingControls) }
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        for row in [header] + rows {
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            print(line)
        }
    }

    /// `name  value` lines.
    static func fields(_ fields: [(String, String)]) {
        let width = fields.map(\.0.count).max() ?? 0
        for (name, value) in fields {
            print("\(name)\(String(repeating: " ", count: width - name.count))  \(value.escapingControls)")
        }
    }
}
