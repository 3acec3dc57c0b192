/// How blocks of an image come to be here.
package enum PullWay: String, CaseIterable, Sendable, Codable {
    /// Each filesystem by what is cheapest of those below.
    case auto
    /// From what the home has already, under whatever image.
    case here
    /// By a delta blob from a filesystem that is here.
    case delta
    /// By requests for the missing blocks.
    case ranges
    /// Built again from recipe and lock.
    case rebuild
}
