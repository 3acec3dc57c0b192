package import ImageFormat

/// A place that has bytes of blobs: a catalogue, a mirror, another host. Nothing of what it says is believed.
package protocol RangeSource: Sendable, CustomStringConvertible {
    /// Gives the bytes of `range` of a blob to `sink`, in their order. What `sink` throws ends it and is thrown as it is.
    func read(_ blob: OCIDescriptor, _ range: Range<Int64>, sink: (UnsafeRawBufferPointer) throws -> Void) throws
}

/// The places that a blob may be had from, the best first. Asked again while they fail: others may have come.
package typealias RangePlaces = @Sendable (OCIDescriptor) throws -> [any RangeSource]

/// What brought blocks, and what was not as it should be: for people and records.
package struct BlockReport: Sendable, Equatable {
    /// Bytes of blobs by place, in the order in which they were first used.
    package private(set) var bytes: [(place: String, bytes: Int64)] = []
    /// Each once.
    package private(set) var faults: [String] = []

    package init() {}

    package var total: Int64 { bytes.reduce(0) { $0 + $1.bytes } }

    private static let mostFaults = 50

    mutating func moved(_ count: Int64, from place: String) {
        if let index = bytes.firstIndex(where: { $0.place == place }) {
            bytes[index].bytes += count
        } else {
            bytes.append((place, count))
        }
    }

    mutating func note(_ fault: String) {
        if faults.count < Self.mostFaults, !faults.contains(fault) { faults.append(fault) }
    }

    package mutating func add(_ other: BlockReport) {
        for (place, count) in other.bytes { moved(count, from: place) }
        for fault in other.faults { note(fault) }
    }

    package static func == (left: BlockReport, right: BlockReport) -> Bool {
        left.faults == right.faults && left.bytes.elementsEqual(right.bytes) { $0 == $1 }
    }
}
