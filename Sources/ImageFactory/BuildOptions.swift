/// How a build is to come by its inputs.
package struct BuildOptions: Sendable {
    /// The file that holds the lock, or is to hold it; nil: the home keeps it.
    package var lockFile: String?
    /// Refuse to choose anything.
    package var mustBeLocked = false
    /// Choose anew, from today's archive; what it stands on stays as it is in the home.
    package var isFresh = false
    /// A directory of inputs that were exported elsewhere.
    package var inputs: String?

    package init() {}
}
