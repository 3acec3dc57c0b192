import Foundation
import GridModel
import ImageLists
import ImageStore
import StrictJSON
import Testing

/// Image lists of HEPiX as a site follows them: fetched, believed, and what they endorse.
@Suite struct SiteImageListTests {
    private let work: CataloguePlace
    private let environment = "lhc/pythia8:8.317.2@debian12"

    init() throws { work = try CataloguePlace() }

    /// Everything about these lists happens in 2030.
    private func atTheirTime(_ arguments: [String], in time: String = "2030-06-01 00:00:00") throws -> Sojourn.Result {
        try Workshop.tool(
            "/usr/bin/faketime", [time, work.home("site").program] + arguments, in: work.place.url,
            environment: ["SOJOURN_HOME": work.path("homes/site"), "FAKETIME_DONT_FAKE_MONOTONIC": "1"])
    }

    @Test func anImageInAValidListIsEndorsedByIt() throws {
        let image = try work.image(environment, in: "site")
        // What stands in the list's place for the manifest's own sha512.
        let store = try ImageStore(home: try Home(at: work.path("homes/site")))
        let meant = try [image.description, CataloguePlace.kernel].map {
            ImageChecksum(of: try store.manifestBytes(of: try store.artifact(reference: $0)))
        }
        let authorities = try ImageListAuthorities.shared.get()
        let trusted = try authorities.directory(in: work.place)
        var payload = try ImageListSubscriptionTests.Contents().json()
        for (number, checksum) in zip(1..., meant) {
            payload = payload.replacing(
                ImageListSubscriptionTests.checksum(number).description, with: checksum.description)
        }
        let served = work.place.url.appending(path: "served")
        try FileManager.default.createDirectory(at: served, withIntermediateDirectories: true)
        let server = try LocalServer.files(of: served)
        // Only what others answer for may run here.
        try "own-images: forbid\n".write(
            toFile: work.path("homes/site/config.yaml"), atomically: true, encoding: .utf8)
        try work.run(
            "site", "site", "trust", server.url("list.eml"), "--name", "egi", "--image-list",
            ImageListSubscriptionTests.identifier, "--authorities", trusted)
        #expect(try atTheirTime(["site", "explain", environment]).status == 4)

        // Unsigned where a signed one is due: nothing is believed.
        try Data(payload.utf8).write(to: served.appending(path: "list.eml"))
        let unsigned = try atTheirTime(["site", "sync"])
        #expect(unsigned.status == 1 && unsigned.error.contains("egi"), "\(unsigned.output)")
        #expect(try atTheirTime(["site", "explain", environment]).status == 4)

        try Data(try authorities.sign(payload)).write(to: served.appending(path: "list.eml"))
        let synced = try atTheirTime(["site", "sync"])
        #expect(synced.status == 0, "\(synced.error)")
        let endorsed = try atTheirTime(["site", "explain", environment])
        #expect(endorsed.status == 0 && endorsed.output.contains("in egi until 2030-06-15"), "\(endorsed.output)")
        // Expired with the list.
        #expect(try atTheirTime(["site", "explain", environment], in: "2030-06-16 00:00:00").status == 4)
    }
}
