import StrictJSON

@testable import Distribution

extension FuzzTarget {
    static let deltas = [
        FuzzTarget("delta-hints", refusals: DistributionError.self, StrictJSONError.self) { bytes in
            let hints = try DeltaHints(decoding: bytes, source: "hints")
            try BrokenPromise.unless(hints.deltas.allSatisfy { $0.size > 0 }, "a delta of no bytes was read")
        },
        FuzzTarget("delta-table", refusals: DistributionError.self) { bytes in
            // How many segments there should be, and the blob's beginning.
            guard let segments = bytes.first.map(Int.init) else { throw DistributionError(.refused, "nothing") }
            let size = Int64(bytes.count) * 100
            let table = Array(bytes.dropFirst())
            guard let read = DeltaTable(decoding: table, segments: segments, size: size) else {
                throw DistributionError(.refused, "no table")
            }
            try BrokenPromise.unless(
                read.encoded == table && read.lengths.allSatisfy { $0 > 0 }
                    && read.lengths.reduce(0, +) + Int64(table.count) == size, "\(read.lengths) of \(size)")
        },
    ]
}
