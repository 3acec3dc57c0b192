/// Paths that recipes name.
enum RecipePath {
    /// Where the image has nothing of its own: the kernel's and the machine's filesystems are mounted there.
    static let outside = ["dev", "proc", "run", "sys", "tmp"]

    /// A path of the image: absolute, in its one plain form.
    static func inImage(_ path: String) throws -> String {
        func refuse(_ reason: String) -> ImageFactoryError {
            ImageFactoryError(.invalidRecipe, "'\(path.prefix(200))' \(reason)")
        }
        guard path.hasPrefix("/") else {
            throw refuse("is no absolute path of the image; write for example /opt/\(path.isEmpty ? "software" : path)")
        }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard path != "/" else { throw refuse("is the whole image; name something in it") }
        guard !parts.contains(""), !parts.contains("."), !parts.contains("..") else {
            throw refuse("is not in its plain form; write it without '..', '.', '//' and a '/' at the end")
        }
        guard path.utf8.count < 4096, parts.allSatisfy({ $0.utf8.count <= 255 }) else {
            throw refuse("is too long; a path has at most 4095 bytes, a name in it 255")
        }
        guard !path.utf8.contains(where: { $0 < 32 || $0 == 127 }) else { throw refuse("holds control characters") }
        if let first = parts.first, outside.contains(String(first)) {
            throw refuse(
                "lies below /\(first), which every machine mounts afresh; choose another place, such as /opt or /etc"
            )
        }
        return path
    }

    /// A path of the image, or all that is below one: `/usr/share/tests/**`.
    static func inImageOrBelow(_ path: String) throws -> String {
        let directory = path.hasSuffix("/**") ? String(path.dropLast(3)) : path
        guard !directory.contains("*") else {
            throw ImageFactoryError(
                .invalidRecipe, "'\(path.prefix(200))': of patterns, only /** at the end is known; name the files")
        }
        _ = try inImage(directory.isEmpty ? "/" : directory)
        return path
    }

    /// A file or directory of the host, beside the recipe or absolute.
    static func onHost(_ path: String) throws -> String {
        guard !path.utf8.contains(where: { $0 < 32 || $0 == 127 }), path.utf8.count < 4096 else {
            throw ImageFactoryError(
                .invalidRecipe, "'\(path.prefix(200))' is no path: it is too long or holds control characters")
        }
        return path
    }
}
