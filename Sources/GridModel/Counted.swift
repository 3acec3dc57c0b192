extension BinaryInteger {
    /// `1 blob`, `2 blobs`: so many of what a noun means, for people. `plural` where that is not the noun and an s.
    package func counted(_ noun: String, _ plural: String? = nil) -> String {
        "\(self) \(self == 1 ? noun : plural ?? "\(noun)s")"
    }
}
