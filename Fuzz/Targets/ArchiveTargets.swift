@testable import Archive

extension FuzzTarget {
    static let archives = [
        FuzzTarget("tar", refusals: ArchiveError.self) { bytes in
            let entries = try read(bytes).filter { isWritten($0.0) }
            var again: [UInt8] = []
            let writer = TarWriter { again += $0 }
            for (entry, contents) in entries { try writer.append(entry, contents: contents) }
            try writer.finish()
            let found: [(TarEntry, [UInt8])]
            do { found = try read(again) } catch {
                throw BrokenPromise(description: "an archive that was read and written is refused: \(error)")
            }
            try BrokenPromise.unless(
                found.elementsEqual(entries, by: ==), "\(entries.map(\.0)) were written and read as \(found.map(\.0))")
        },
        FuzzTarget("tar-name", refusals: ArchiveError.self) { bytes in
            let texts = lines(bytes)
            let path = try ContainedPath(texts[0])
            try BrokenPromise.unless(!path.components.contains(".."), "a contained path leads up: \(texts[0])")
            try path.checkLinkTarget(texts.last ?? "")
        },
        FuzzTarget("cpio", refusals: ArchiveError.self) { bytes in
            let reader = CpioReader(source: source(bytes))
            while try reader.next() != nil { while try !reader.readData(upTo: 1000).isEmpty {} }
            try reader.checkEnd()
        },
        FuzzTarget("cpio-modules", refusals: ArchiveError.self) { bytes in
            _ = try ModulesArchive(checking: source(bytes))
        },
    ]

    private static func isWritten(_ entry: TarEntry) -> Bool {
        switch entry.kind {
        case .file, .directory, .symbolicLink: true
        case .hardLink, .characterDevice, .blockDevice, .fifo: false
        }
    }

    private static func source(_ bytes: [UInt8]) -> ByteSource {
        var rest = bytes[...]
        return { count in
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
    }

    private static func read(_ bytes: [UInt8]) throws -> [(TarEntry, [UInt8])] {
        let reader = TarReader(source: source(bytes), entryLimit: 1000)
        var entries: [(TarEntry, [UInt8])] = []
        while let entry = try reader.next() {
            var contents: [UInt8] = []
            while case let piece = try reader.readData(upTo: 700), !piece.isEmpty { contents += piece }
            entries.append((entry, contents))
        }
        return entries
    }
}
