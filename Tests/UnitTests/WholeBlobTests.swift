import Foundation
import Synchronization
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageStore
@testable import Linux

/// What is fetched whole: kernels, verity trees, deltas, and all that a mirror copies.
@Suite struct WholeBlobTests {
    private let content = ImageFixture.bytes(50_000, seed: 3)
    private var blob: OCIDescriptor {
        OCIDescriptor(mediaType: "x", digest: BlobHash.digest(of: content), size: Int64(content.count))
    }

    private func withPlace(part: [UInt8]? = nil, _ body: (WholeBlob, String) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appending(component: "whole-\(UUID())").path
        try Files.makeDirectories(directory, mode: 0o700)
        defer { do { try Files.removeTree(directory) } catch { Issue.record("\(error)") } }
        if let part { try Files.write(part, to: "\(directory)/part") }
        try body(WholeBlob(blob, at: "\(directory)/part"), "\(directory)/blob")
        #expect(try Files.read("\(directory)/blob", limit: 1 << 20) == content)
        #expect(!Files.exists("\(directory)/part"))
    }

    @Test func whatCameBeforeAKillIsNotFetchedAgain() throws {
        try withPlace(part: Array(content.prefix(20_000))) { whole, path in
            let place = PlaceFixture("a", content)
            let arrival = try whole.bring(to: path, from: place)
            #expect(place.asked == [20_000..<50_000])
            #expect(arrival.bytes == 30_000 && arrival.requests == 1 && arrival.faults.isEmpty)
        }
    }

    @Test func allThatCameBeforeAKillIsEnough() throws {
        try withPlace(part: content) { whole, path in
            let place = PlaceFixture("a", content)
            let arrival = try whole.bring(to: path, from: place)
            #expect(arrival.bytes == 0)
            #expect(place.asked.isEmpty)
        }
    }

    /// After a loss of power a file may have its size and not its content.
    @Test(arguments: [10_000, 50_000, 60_000]) func aTornPartIsNoFaultOfThePlace(size: Int) throws {
        try withPlace(part: [UInt8](repeating: 0, count: size)) { whole, path in
            let arrival = try whole.bring(to: path, from: PlaceFixture("a", content))
            #expect(arrival.faults.isEmpty && arrival.bytes >= 50_000)
        }
    }

    @Test func whatALiarLeftIsNoFaultOfTheNext() throws {
        try withPlace { whole, path in
            let arrival = try whole.bring(to: path, from: [HalfLiar(), PlaceFixture("honest", content)])
            #expect(arrival.faults.count == 1 && arrival.faults[0].hasPrefix("liar: "), "\(arrival.faults)")
        }
    }

    @Test(arguments: [PlaceFixture.Deed.lies, .fails, .isEmpty, .sendsMore, .sendsLess])
    func aPlaceThatIsWrongIsPassedByAndNamed(deed: PlaceFixture.Deed) throws {
        try withPlace { whole, path in
            let arrival = try whole.bring(
                to: path, from: [PlaceFixture("bad", content, deed), PlaceFixture("good", content)])
            #expect(arrival.faults.count == 1 && arrival.faults[0].hasPrefix("bad: "), "\(arrival.faults)")
        }
    }

    @Test func aServerWithoutRangesGivesItFromTheBeginning() throws {
        try withPlace(part: Array(content.prefix(20_000))) { whole, path in
            let arrival = try whole.bring(to: path, from: WholeOnly(content: content))
            #expect(arrival.bytes == 50_000)
        }
    }

    @Test func whereNobodyHasItAllAreNamed() throws {
        try withPlace { whole, path in
            let places = ["a", "b"].map { PlaceFixture($0, content, .lies) }
            let error = #expect(throws: ImageStoreError.self) { try whole.bring(to: path, from: places) }
            #expect(error?.code == .missingBlob)
            for words in ["a: 50000 bytes of the content sha256:", "b: 50000 bytes", "\(blob.digest) cannot be had"] {
                #expect(error?.message.contains(words) == true, "\(String(describing: error))")
            }
            // Nothing of it stays that the next would go on with.
            let arrival = try whole.bring(to: path, from: PlaceFixture("c", content))
            #expect(arrival.bytes == 50_000)
        }
    }
}

/// Sends half of something else, and hangs up.
private struct HalfLiar: RangeSource {
    let description = "liar"

    func read(_ blob: OCIDescriptor, _ range: Range<Int64>, sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        try [UInt8](repeating: 7, count: 20_000).withUnsafeBytes { try sink($0) }
        throw PlaceFixture.Refusal()
    }
}

private struct WholeOnly: RangeSource {
    let content: [UInt8]
    let description = "whole"

    func read(_ blob: OCIDescriptor, _ range: Range<Int64>, sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard range == 0..<blob.size else { throw ImageStoreError(.noRanges, "whole files only") }
        try content.withUnsafeBytes { try sink($0) }
    }
}
