@testable import ImageLists

extension FuzzTarget {
    static let imageLists = [
        FuzzTarget("image-list", refusals: ImageListError.self) { bytes in
            _ = try ImageList(parsing: bytes, source: "fuzz")
        },
        FuzzTarget("image-list-message", refusals: ImageListError.self) { bytes in
            do { try SignedMessage.check(bytes) } catch is ImageListError {}
            _ = try SignedMessage.text(of: bytes)
        },
        FuzzTarget("image-list-version", refusals: ImageListError.self) { bytes in
            let versions = try lines(bytes).prefix(6).map { try ListVersion(parsing: $0) }
            try checkOrder(versions)
        },
        FuzzTarget("image-list-name", refusals: ImageListError.self) { bytes in
            let name = try GridName(parsing: String(decoding: bytes, as: UTF8.self))
            do { _ = try GridName(attributes: lines(bytes)) } catch is ImageListError {}
            try BrokenPromise.unless(!name.description.isEmpty, "an empty name")
        },
    ]
}
