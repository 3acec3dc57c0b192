import Foundation
import GridModel
import Testing

@testable import ImageLists

/// What is on disk when somebody changed it, was killed, or when two lists want the same image.
extension ImageListSubscriptionTests {
    private func version(_ number: Int) throws -> [UInt8] { try list { $0.version = "\(number)" } }

    private func kept(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: file(name))) }

    @Test func aChangedListEndorsesNothing() throws {
        let egi = try subscription()
        let served = try version(1)
        try accept(served, egi)
        let text = String(decoding: served, as: UTF8.self)
        for other in [text.replacing("KVM", with: "XEN"), try Contents().json(), "", String(text.dropLast(2000))] {
            try put(Array(other.utf8), "list.eml")
            #expect(throws: ImageListError.self) { try state(egi).get() }
            #expect(try endorsed(1, egi) == nil)
        }
        // Sound lists, but not this one's.
        try put(list { ($0.identifier, $0.version) = (Self.otherIdentifier, "9") }, "list.eml")
        #expect(state(egi) == .failure(ImageListError(.wrongIdentifier, "")))
        try put(list { $0.images = [3] }, "list.eml")
        #expect(state(egi) == .failure(ImageListError(.changedContent, "")))
        try put([UInt8](repeating: 10, count: SignedList.byteLimit + 1), "list.eml")
        #expect(state(egi) == .failure(ImageListError(.unusableState, "")))
        // What was served mends it.
        try put(served, "list.eml")
        #expect(state(egi) == .success("1"))
        try FileManager.default.removeItem(at: file("list.eml"))
        #expect(state(egi) == .failure(ImageListError(.noList, "")))
        #expect(try refusal(version(0), egi) == .olderVersion)
        try accept(served, egi)
        #expect(state(egi) == .success("1"))
    }

    @Test func aListThatWasPutBackEndorsesNothing() throws {
        let egi = try subscription()
        try accept(version(1), egi)
        let old = try kept("list.eml")
        try accept(version(2), egi)
        try put(old, "list.eml")
        #expect(state(egi) == .failure(ImageListError(.olderVersion, "")))
        #expect(try endorsed(1, egi) == nil)
        #expect(try refusal(version(1), egi) == .olderVersion)
        try accept(version(2), egi)
        #expect(state(egi) == .success("2"))
    }

    @Test func aStateThatWasPutBackOpensNoWayBack() throws {
        let egi = try subscription()
        try accept(version(1), egi)
        let old = try kept("state.json")
        try accept(version(3), egi)
        try put(old, "state.json")
        #expect(try refusal(version(2), egi) == .olderVersion)
        #expect(state(egi) == .success("3"))
        try FileManager.default.removeItem(at: file("state.json"))
        #expect(try refusal(version(2), egi) == .olderVersion)
        #expect(try refusal(list { ($0.version, $0.images) = ("3", [4]) }, egi) == .changedContent)
        #expect(state(egi) == .success("3"))
        try accept(version(4), egi)
        #expect(state(egi) == .success("4"))
    }

    @Test func aDamagedStateIsNotGuessedAt() throws {
        let egi = try subscription()
        try accept(version(1), egi)
        let sound = try kept("state.json")
        let texts = [
            "", "{}", "[]", String(decoding: sound.dropLast(4), as: UTF8.self),
            String(decoding: sound, as: UTF8.self).replacing("\"1\"", with: "\"\""),
        ]
        for text in texts {
            try put(Array(text.utf8), "state.json")
            #expect(state(egi) == .failure(ImageListError(.unusableState, "")))
            #expect(try refusal(version(2), egi) == .unusableState)
        }
        try put(sound, "state.json")
        try accept(version(2), egi)
        #expect(state(egi) == .success("2"))
    }

    /// Each moment at which the acceptance of version 2 can be killed, by what it leaves.
    @Test func whoeverIsKilledLeavesTheOldListOrTheNewOne() throws {
        let egi = try subscription()
        let (old, new) = (try version(1), try version(2))
        // In a directory that is there already, before anything was written.
        try FileManager.default.createDirectory(atPath: egi.directory, withIntermediateDirectories: true)
        #expect(state(egi) == .failure(ImageListError(.noList, "")))
        // The first list, before its state.
        try put(old, "list.eml")
        #expect(state(egi) == .success("1"))
        try accept(old, egi)
        // While the list is written.
        for length in [0, 1, new.count / 2, new.count] {
            try put(Array(new[..<length]), "list.eml.99.tmp")
            #expect(state(egi) == .success("1"))
        }
        // The list is there, its state is not, or in part.
        try put(new, "list.eml")
        try put([], "state.json.99.tmp")
        #expect(state(egi) == .success("2"))
        #expect(try refusal(old, egi) == .olderVersion)
        // The next acceptance finishes, and clears up.
        try accept(new, egi)
        #expect(state(egi) == .success("2"))
        #expect(
            try Set(FileManager.default.contentsOfDirectory(atPath: egi.directory)) == [
                "list.eml", "lock", "state.json",
            ])
        #expect(String(decoding: try kept("state.json"), as: UTF8.self).contains("\"2\""))
    }

    @Test func twoAcceptancesAtOnceLeaveTheNewer() throws {
        let egi = try subscription()
        let versions = try (1...6).map { try version($0) }
        let now = self.now
        DispatchQueue.concurrentPerform(iterations: versions.count) { index in
            // Some come too late, and are refused.
            do { try FollowedLists.accept(versions[index], for: "egi", of: [egi], now: now) } catch {
                #expect(error as? ImageListError == ImageListError(.olderVersion, ""))
            }
        }
        #expect(state(egi) == .success("6"))
    }

    // MARK: - Two lists

    @Test func anImageOfTwoListsStaysTheFirsts() throws {
        let egi = try subscription()
        let hepix = try subscription("hepix", identifier: Self.otherIdentifier)
        let both = [egi, hepix]
        func accept(_ served: [UInt8], _ name: String) throws {
            try FollowedLists.accept(served, for: name, of: both, now: now)
        }
        try accept(list(), "egi")
        let taking = try list { ($0.identifier, $0.images) = (Self.otherIdentifier, [2, 3]) }
        #expect(throws: ImageListError(.duplicateImage, "")) { try accept(taking, "hepix") }
        #expect(try endorsed(3, egi, hepix) == nil)
        try accept(list { ($0.identifier, $0.images) = (Self.otherIdentifier, [3]) }, "hepix")
        #expect(try endorsed(1, egi, hepix) == "egi")
        #expect(try endorsed(3, egi, hepix) == "hepix")
        // The first takes up an image that the second has: the second endorses nothing from then on.
        try accept(list { ($0.version, $0.images) = ("2", [1, 3]) }, "egi")
        #expect(try endorsed(3, egi, hepix) == "egi")
        let lists = FollowedLists(loading: both, now: now)
        #expect(throws: ImageListError(.duplicateImage, "")) { try lists.lists[1].state.get() }
        // Until the first gives it up.
        try accept(list { ($0.version, $0.images) = ("3", [1]) }, "egi")
        #expect(try endorsed(3, egi, hepix) == "hepix")
    }

    @Test func anExpiredListKeepsItsImagesFromOthers() throws {
        let egi = try subscription()
        let hepix = try subscription("hepix", identifier: Self.otherIdentifier)
        try accept(list { $0.expires = "2030-06-02T00:00:00Z" }, egi)
        let later = try Timestamp(parsing: "2030-06-03T00:00:00Z")
        let taking = try list { ($0.identifier, $0.images) = (Self.otherIdentifier, [2]) }
        #expect(throws: ImageListError(.duplicateImage, "")) {
            try FollowedLists.accept(taking, for: "hepix", of: [egi, hepix], now: later)
        }
        // Without the first subscription it is a list like any other.
        try FollowedLists.accept(taking, for: "hepix", of: [hepix], now: later)
        #expect(try endorsed(2, hepix, at: later) == "hepix")
        #expect(try endorsed(2, egi, hepix, at: later) == nil)
    }
}
