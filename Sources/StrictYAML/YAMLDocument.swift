import Yams

extension YAMLReader {
    /// The largest document.
    package static let limit = 1 << 18

    /// Of a document's outermost mapping. `file` and `what` (`a recipe`) appear in messages, `beginning` is a line to begin
    /// with.
    package init(document bytes: [UInt8], file: String, what: String, beginning: String) throws {
        guard bytes.count <= Self.limit, let yaml = String(validating: bytes, as: UTF8.self) else {
            throw YAMLFault(file: file, line: 1, "\(what) is UTF-8 text of at most 256 KiB")
        }
        if let fault = ComplexYAML.first(in: bytes) {
            throw YAMLFault(
                file: file, line: fault.line, "here is \(fault.what), which is not known here; write it out")
        }
        if let line = CombiningRun.first(in: yaml) {
            throw YAMLFault(
                file: file, line: line,
                "here are more than \(CombiningRun.longest) combining characters in a row; write the text without them")
        }
        try self.init(
            try Self.compose(yaml, file: file, empty: "\(what) is empty; begin with '\(beginning)'"), file: file,
            what: what)
    }

    private static func compose(_ yaml: String, file: String, empty: String) throws -> Node {
        do {
            guard let root = try Yams.compose(yaml: yaml) else { throw YAMLFault(file: file, line: 1, empty) }
            return root
        } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
            throw YAMLFault(
                file: file, line: context.mark.line,
                "\(keys.map { "'\($0)'" }.joined(separator: ", ")) is given twice; remove one")
        } catch let error as YamlError {
            throw YAMLFault(file: file, line: error.line ?? 1, "this is no valid YAML: \(error)")
        }
    }
}

extension YamlError {
    fileprivate var line: Int? {
        switch self {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
        default: nil
        }
    }
}
