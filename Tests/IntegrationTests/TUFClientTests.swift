import Foundation
import Testing

/// What sojourn-tuf promises on its command line, with a repository by python-tuf.
@Suite struct TUFClientTests {
    private static let afterInit = ["metadata/2.root.json", "metadata/timestamp.json"]

    // MARK: init and refresh

    @Test func initKeepsTheRootAndAsksNobody() throws {
        let repository = try TUFRepository()
        let client = try TUFClient(repository)
        #expect(try repository.asked() == [])
        #expect(try client.state() == ["root.json": try repository.text("metadata/1.root.json")])
        // Once more, as tools do that prepare a host.
        try client.initialise().expectDone()
        try client.refresh().expectDone()
        try client.initialise().expectDone()
        try client.refresh().expectDone()
    }

    @Test func initRefusesWhatIsNoSignedRootAndRefreshAsksNobodyThen() throws {
        let repository = try TUFRepository()
        try repository.publish(["root"], deed: "too-few", of: "root")
        for (name, words) in [
            ("metadata/2.root.json", "good signatures by 1 of the 2 keys"),
            ("metadata/1.snapshot.json", "expected the"),
        ] {
            let client = try TUFClient(repository)
            try FileManager.default.removeItem(at: client.metadata)
            try repository("write", ["name": name, "path": "\(client.place.url.path)/wrong.json"])
            try client.initialise("\(client.place.url.path)/wrong.json").expectRefusal(words)
            try client.refresh().expectRefusal("holds no root")
            #expect(try repository.asked() == [])
            try client.initialise().expectDone()
        }
    }

    @Test func onlyInitTakesARoot() throws {
        let client = try TUFClient(try TUFRepository())
        let result = try client.start(client.refreshing + ["\(client.place.url.path)/root.json"]).finish()
        result.expectRefusal("only init takes the file of a root")
        #expect(try client.state().count == 1)
    }

    @Test(arguments: [true, false], [true, false])
    func refreshKeepsWhatIsServedUnderNamesWithoutVersions(consistent: Bool, announced: Bool) throws {
        let repository = try TUFRepository(["consistent": consistent, "announced": announced])
        let client = try TUFClient(repository)
        try client.refresh().expectDone()
        let number = consistent ? "1." : ""
        #expect(
            try repository.asked() == Self.afterInit + [
                "metadata/\(number)snapshot.json", "metadata/\(number)targets.json",
            ])
        #expect(
            try client.state() == [
                "root.json": try repository.text("metadata/1.root.json"),
                "timestamp.json": try repository.text("metadata/timestamp.json"),
                "snapshot.json": try repository.text("metadata/\(number)snapshot.json"),
                "targets.json": try repository.text("metadata/\(number)targets.json"),
            ])
        // Nothing new: only asked whether there is.
        try client.refresh().expectDone()
        #expect(try repository.asked() == Self.afterInit)
    }

    /// With the same version another content is not taken (specification, 5.4.3.1).
    @Test func aTimestampOfTheSameVersionChangesNothing() throws {
        let repository = try TUFRepository()
        let client = try TUFClient(repository)
        try client.refresh().expectDone()
        let before = try client.state()
        try repository("field", ["role": "timestamp", "name": "x-other", "value": 1])
        try repository("publish", ["roles": ["timestamp"], "bump": false])
        try client.refresh().expectDone()
        #expect(try client.state() == before)
        try repository.publish(["timestamp"])
        try client.refresh().expectDone()
        #expect(try client.text("timestamp.json").contains("x-other"))
    }

    /// Undefined fields are signed too (specification, 4).
    @Test func unknownFieldsAreTakenAlong() throws {
        let repository = try TUFRepository()
        let client = try TUFClient(repository)
        for role in ["root", "timestamp", "snapshot", "targets"] {
            try repository(
                "field",
                ["role": role, "name": "é\u{1F600}\u{FFFD}", "value": ["a": ["\"\\\n\u{7}é", -1], "b": NSNull()]])
        }
        try repository.publish()
        try repository.publish()
        try client.refresh().expectDone()
        #expect(try client.oracleRefusal() == "")
        #expect(try client.text("root.json") == repository.text("metadata/3.root.json"))
    }

    // MARK: download

    @Test func downloadFetchesWhatIsNotThere() throws {
        let repository = try TUFRepository()
        try repository.target("one", "first")
        try repository.target("empty", "")
        try repository.publish()
        let client = try TUFClient(repository)
        try client.refresh().expectDone()
        #expect(try client.artifacts() == [:])
        try client.download("one", "empty").expectDone()
        #expect(try client.artifacts() == ["one": "first", "empty": ""])
        _ = try repository.asked()
        try client.download("one", "empty").expectDone()
        #expect(try repository.asked().filter { $0.hasPrefix("targets/") } == [])
        // Damaged here: fetched anew.
        try "fir5t".write(to: client.targets.appendingPathComponent("one"), atomically: true, encoding: .utf8)
        try client.download("one").expectDone()
        #expect(try client.artifacts()["one"] == "first")
        #expect(try repository.asked().filter { $0.hasPrefix("targets/") }.count == 1)
        // Another version under the same name.
        try repository.target("one", "second")
        try repository.publish()
        try client.download("one").expectDone()
        #expect(try client.artifacts()["one"] == "second")
    }

    @Test(arguments: [true, false])
    func aTargetsPathIsOneOfAURLAndOneNameHere(consistent: Bool) throws {
        let repository = try TUFRepository(["consistent": consistent])
        let names = [
            "path/to/a file": "path%2Fto%2Fa%20file", "é/e\u{301}": "%C3%A9%2Fe%CC%81", "a?b#c": "a%3Fb%23c",
            "a+b=c@d&e;f,g": "a%2Bb%3Dc%40d%26e%3Bf%2Cg", "100%": "100%25", "[x]{y}|z\\": "%5Bx%5D%7By%7D%7Cz%5C",
        ]
        for path in names.keys { try repository.target(path, "of \(path)") }
        try repository.publish()
        let client = try TUFClient(repository)
        for path in names.keys.sorted() { try client.download(path).expectDone() }
        #expect(
            try client.artifacts()
                == Dictionary(uniqueKeysWithValues: names.map { ($0.value, "of \($0.key)") }))
    }

    @Test func nothingIsWrittenOutsideTheDirectories() throws {
        let repository = try TUFRepository(["consistent": false])
        let paths = ["../../outside", "/outside", "..", ".", "a/../../outside", "..%2Foutside", "\0", "~"]
        for path in paths { try repository.target(path, "hostile") }
        try repository.target("inside", "good")
        try repository.publish()
        let client = try TUFClient(repository)
        let before = try FileManager.default.contentsOfDirectory(atPath: client.place.url.path)
        for path in paths where path != "\0" {
            try repository("serve", ["name": "targets/\(path)", "text": "hostile"])
            _ = try client.download(path)
        }
        try client.download("inside").expectDone()
        #expect(
            Set(try FileManager.default.contentsOfDirectory(atPath: client.place.url.path))
                == Set(before + ["targets"]))
        let files = Set(try client.artifacts().keys)
        #expect(
            files.isSubset(of: [
                "inside", "..%2F..%2Foutside", "%2Foutside", "%2E%2E", "%2E", "a%2F..%2F..%2Foutside", "..%252Foutside",
                "~",
            ]))
        #expect(files.contains("~"))
    }

    @Test func targetsComeInOrderUntilOneFails() throws {
        let repository = try TUFRepository()
        for name in ["a", "b", "c"] { try repository.target(name, "good \(name)") }
        try repository.target("bad", "promised", served: "replaced")
        try repository.publish()
        let client = try TUFClient(repository)
        try client.download("b", "a", "bad", "c").expectRefusal("that are not the target 'bad'")
        #expect(try client.artifacts() == ["a": "good a", "b": "good b"])
        let asked = try repository.asked().filter { $0.hasPrefix("targets/") }.map { $0.suffix(2) }
        #expect(asked == [".b", ".a", "ad"])
        try client.download("c", "none", "a").expectRefusal("no role of this repository answers for a target 'none'")
        #expect(try client.artifacts().keys.sorted() == ["a", "b", "c"])
    }

    @Test(arguments: [
        ("longer than promised", "and at most 8"), ("short", "5 bytes that are not the target"),
        ("replaced", "8 bytes that are not the target"),
    ])
    func aTargetThatIsNotTheOneIsRefused(served: String, words: String) throws {
        let repository = try TUFRepository()
        try repository.target("file", "promised", served: served)
        try repository.publish()
        let client = try TUFClient(repository)
        try client.download("file").expectRefusal(words)
        #expect(try client.artifacts() == [:])
        try repository.target("file", "promised")
        try client.download("file").expectDone()
        // What is here stays, whatever is served in its place.
        try repository.target("file", "promised", served: served)
        try client.download("file").expectDone()
        #expect(try client.artifacts() == ["file": "promised"])
        try repository.target("file", "newer", served: served)
        try repository.publish()
        #expect(try client.download("file").status == 1)
        #expect(try client.artifacts() == ["file": "promised"])
    }

    @Test(arguments: ["endless", "broken", "failing", "circle", "spiral"])
    func aTargetServedInBadFaithIsRefused(behaviour: String) throws {
        let repository = try TUFRepository(["consistent": false])
        try repository.target("file", "promised")
        try repository.publish()
        let client = try TUFClient(repository)
        try repository("serve", ["name": "targets/file", "behaviour": behaviour])
        let result = try client.download("file")
        #expect(result.status == 1, "\(result.error)")
        #expect(try client.artifacts() == [:])
        try repository.target("file", "promised")
        try client.download("file").expectDone()
    }

    @Test func redirectsAreFollowedAndWhatTheyLeadToIsVerified() throws {
        let repository = try TUFRepository()
        try repository.publish()
        let client = try TUFClient(repository)
        try repository("save", ["name": "real"])
        try repository("load", ["name": "real", "files": ["elsewhere/timestamp.json": "metadata/timestamp.json"]])
        try repository("redirect", ["name": "metadata/timestamp.json", "to": "../elsewhere/timestamp.json"])
        try client.refresh().expectDone()
        try repository("redirect", ["name": "metadata/timestamp.json", "to": "2.snapshot.json"])
        try client.refresh().expectRefusal("expected the metadata of timestamp")
        try repository("redirect", ["name": "metadata/timestamp.json", "to": "file:///etc/passwd"])
        try client.refresh().expectRefusal("only http and https are fetched")
    }
}
