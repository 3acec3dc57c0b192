import Distribution
import GridModel
import ImageFormat

extension ImageDifference {
    func printForPeople() {
        Output.fields([
            ("from", "\(from.name) \(from.digest)"), ("to", "\(to.name) \(to.digest)"),
            ("size", "\(ByteCount(from.size).rounded) -> \(ByteCount(to.size).rounded)"),
            ("whole", "\(PullAnswer.exact(bytesToMove)) in \(blobsToMove.counted("blob"))"),
        ])
        guard from.digest != to.digest else { return print("They are the same.") }
        printPull()
        printPackages()
        printFiles()
        print("\nLayers")
        let layers =
            sharedLayers.map { ("same", $0) } + layersBefore.map { ("removed", $0) } + layersAfter.map { ("added", $0) }
        Output.table(
            ["", "NAME", "SIZE", "DIGEST"],
            layers.map { [$0, $1.name, ByteCount($1.size).rounded, $1.digest.short] })
        if let kernelBefore, let kernelAfter, kernelBefore != kernelAfter {
            print("\nKernel\n\(kernelBefore) -> \(kernelAfter)")
        }
    }

    /// What moves where a host that has the first pulls the second.
    private func printPull() {
        print("\nTo fetch where the first is here")
        let layers = pull.layers.map { layer in
            (
                layer.name,
                "\(layer.blocksHere) of \(layer.blocks.counted("block")) are here; ranges: "
                    + "\(PullAnswer.exact(layer.rangeBytes)) in \(layer.rangeRequests.counted("request"))"
                    + (layer.deltaBytes.map { "; delta: \(PullAnswer.exact($0))" } ?? "")
            )
        }
        Output.fields(
            layers + [
                ("documents", "\(PullAnswer.exact(pull.documentBytes)) in \(pull.documents.counted("blob"))"),
                ("by ranges", PullAnswer.exact(pull.rangeTotal)),
                ("by deltas", pull.deltaTotal.map(PullAnswer.exact) ?? "not computed; ask with --delta"),
            ])
    }

    private func printPackages() {
        print("\nPackages")
        guard !packages.isEmpty else { return print("the same") }
        let rows = packages.map { change in
            let versions = [change.before, change.after].filter { !$0.isEmpty }.map { $0.joined(separator: ", ") }
            let name = change.name + (change.architecture.map { ":\($0)" } ?? "")
            return [change.kind.rawValue, change.type.rawValue, name, versions.joined(separator: " -> ")]
        }
        Output.table(["", "TYPE", "NAME", "VERSION"], rows)
    }

    private func printFiles() {
        guard let files else { return }
        print("\nFiles")
        let rows = ["added", "removed", "changed"].compactMap { kind in
            files[kind].map { sum in
                let sizes = [(kind != "added", sum.bytesBefore), (kind != "removed", sum.bytesAfter)]
                    .filter(\.0).map { ByteCount($0.1).rounded }
                return [kind, "\(sum.count)", sizes.joined(separator: " -> ")]
            }
        }
        Output.table(["", "FILES", "SIZE"], rows)
        for change in changes ?? [] {
            let what = change.what.isEmpty ? "" : ": \(change.what.joined(separator: ", "))"
            print("\(change.change) \(change.path)\(what)".escapingControls)
        }
    }
}
