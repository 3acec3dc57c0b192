import GridModel
import ImageStore
import Machine
import Registry

/// What `image pull oci://…` does.
struct RegistryImage {
    let store: ImageStore
    let options: RegistryOptions
    let progress: ProgressLine

    /// Brings it into the home, and prints the digest of what was meant.
    func pull(_ text: String, asJSON json: Bool) throws {
        let reference = try RegistryReference(parsing: text)
        let result = try options.with { try RegistryPull(store, $0) { progress.show($0) }.run(reference, at: .now) }
        progress.clear()
        for item in result.items {
            let meaning = item.isNewest ? "" : "; the name still means one with younger packages"
            Report.line("sojourn: \(item.name) \(item.isNew ? "pulled" : "was there already")\(meaning)")
        }
        try Answer(reference: text, digest: result.items.last?.digest).show(asJSON: json)
    }

    private struct Answer: Shown {
        let reference: String
        let digest: Digest?

        func printForPeople() { if let digest { print(digest) } }
    }
}
