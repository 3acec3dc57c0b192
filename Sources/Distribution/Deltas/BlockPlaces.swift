import ImageFormat

/// Where each content lies in a filesystem: some blocks are there more than once.
struct BlockPlaces {
    private var others: [BlockDigest: [Int]] = [:]
    private let verifier: VerityVerifier

    init(_ verifier: VerityVerifier) {
        self.verifier = verifier
        var first: [BlockDigest: Int] = [:]
        for block in 0..<verifier.dataBlocks {
            let key = verifier.key(block)
            if let before = first[key] {
                others[key, default: [before]].append(block)
            } else {
                first[key] = block
            }
        }
    }

    /// All places of the content that `block` has, that one included.
    subscript(block: Int) -> [Int] { others[verifier.key(block)] ?? [block] }
}
