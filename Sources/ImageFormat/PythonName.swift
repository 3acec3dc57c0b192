/// Names of Python distributions.
package enum PythonName {
    /// As indexes and package URLs spell it (PEP 503, "Normalized Names"): `Foo._bar` is `foo-bar`.
    package static func normalised(_ name: some StringProtocol) -> String {
        name.lowercased().split { "-_.".contains($0) }.joined(separator: "-")
    }
}
