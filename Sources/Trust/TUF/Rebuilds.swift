import StrictJSON

extension TUF {
    /// Fields of ours in `targets`, which those sign who appoint endorsers: whose rebuilds count, and how many an experiment
    /// needs. TUF leaves room for such fields (specification, "Document formats"); other clients pass over them.
    enum Rebuilds {
        /// Keys by id, as `keys` of a delegation has them.
        static let keysField = "x-sojourn-rebuilders"
        /// Of a delegation.
        static let requiredField = "x-sojourn-required-rebuilds"
        /// No more are ever needed.
        static let most: Int64 = 64

        static func required(_ delegation: JSONElement) throws -> Int {
            guard let field = try delegation.member(requiredField) else { return 0 }
            let number = try field.integer()
            guard 0...most ~= number else { throw field.refusal("a number of rebuilds from 0 to \(most)") }
            return Int(number)
        }
    }
}

extension TUF.Targets {
    /// Whose rebuilds count, by name; keys that this program cannot verify with are passed over.
    package func rebuilders() throws -> [TUF.NamedKey] {
        guard let field = try signed.member(TUF.Rebuilds.keysField) else { return [] }
        return try TUF.keys(field).values.compactMap { key in
            guard let publicKey = key.publicKey, publicKey.id.hex == key.id else { return nil }
            return TUF.NamedKey(name: key.name ?? String(key.id.prefix(12)), key: publicKey)
        }.sorted { ($0.name, $0.id) < ($1.name, $1.id) }
    }
}
