import GridModel
import StrictJSON
import Testing

@testable import ImageLists

@Suite struct ImageListParsingTests {
    private typealias Fixture = ImageListFixture

    private func refusal(_ bytes: [UInt8]) throws -> ImageListError {
        try #require(throws: ImageListError.self) { try ImageList(parsing: bytes, source: "test") }
    }

    private func refusal(_ text: String) throws -> ImageListError { try refusal(Array(text.utf8)) }

    private func changed(_ key: String, to value: JSONValue?) throws -> [UInt8] {
        var list = Fixture.list()
        list[key] = value
        return try Fixture.bytes(list)
    }

    private func changedImage(_ key: String, to value: JSONValue?) throws -> [UInt8] {
        var image = Fixture.image()
        image[key] = value
        return try Fixture.bytes(Fixture.list(images: [image]))
    }

    @Test func readsAList() throws {
        let list = try Fixture.parsed(Fixture.list(images: [Fixture.image(1), Fixture.image(2)]))
        #expect(list.identifier.description == Fixture.identifier)
        #expect(list.version.description == "1.2")
        #expect(list.created.description == "2030-05-30T00:00:00Z")
        #expect(list.expires.description == "2030-06-30T00:00:00Z")
        #expect(list.endorser.subject.description == Fixture.subject)
        #expect(list.endorser.issuer.description == Fixture.issuer)
        #expect(list.images.map(\.identifier.description) == [Fixture.uuid(1), Fixture.uuid(2)])
        let image = try #require(list.images.first)
        #expect(image.description == "Of two lines" && image.comments == "" && image.format == nil)
        #expect(image.size == .mebibytes(1) && image.checksum == Fixture.checksum(1))
    }

    @Test func theBareFormOfOldListsIsReadToo() throws {
        let list = Fixture.list()
        #expect(
            try ImageList(parsing: Fixture.bytes(list, bare: true), source: "test")
                == ImageList(parsing: Fixture.bytes(list), source: "test"))
    }

    @Test func unknownKeysArePassedOver() throws {
        var image = Fixture.image()
        image["ad:ram_recommended"] = 4096
        image["hv:ram_minimum"] = "a lot"
        image["x"] = ["\u{1b}[31m": .null]
        image["hv:format"] = "qcow2"
        var list = Fixture.list(images: [image])
        list["ad:mpuri"] = .array([1, "x"])
        #expect(try Fixture.parsed(list).images[0].format == "qcow2")
    }

    @Test(arguments: [
        "dc:date:created", "dc:date:expires", "dc:identifier", "dc:description", "dc:title", "dc:source", "hv:version",
        "hv:uri", "hv:endorser", "hv:images",
    ])
    func everyMandatoryKeyOfAListIsNeeded(key: String) throws {
        for value in [nil, JSONValue.null, 7, .bool(true), .array([7])] {
            let fault = try refusal(changed(key, to: value))
            #expect(fault.code == .malformedList)
            #expect(value != nil || fault.description.contains("'\(key)' is missing"), "\(fault)")
        }
    }

    @Test(arguments: [
        "dc:identifier", "dc:title", "dc:description", "hv:uri", "hv:size", "hv:version", "hv:hypervisor", "sl:arch",
        "sl:os", "sl:osversion", "sl:comments", "sl:checksum:sha512",
    ])
    func everyMandatoryKeyOfAnImageIsNeeded(key: String) throws {
        for value in [nil, JSONValue.null, .bool(true), .double(1.5), .object([:])] {
            let fault = try refusal(changedImage(key, to: value))
            #expect(fault.code == .malformedList)
            #expect(value != nil || fault.description.contains("'\(key)' is missing"), "\(fault)")
        }
    }

    @Test(arguments: ["hv:ca", "hv:dn", "hv:email", "dc:creator"])
    func everyMandatoryKeyOfAnEndorserIsNeeded(key: String) throws {
        var person = try #require(Fixture.list()["hv:endorser"]?["hv:x509"]?.object)
        person[key] = nil
        let fault = try refusal(changed("hv:endorser", to: ["hv:x509": .object(person)]))
        #expect(fault.description.contains("'\(key)' is missing"))
    }

    @Test func aSizeIsANumberOrDigits() throws {
        for (value, bytes) in [(JSONValue.int(0), 0), ("0", 0), ("1048576", 1 << 20), (.int(1 << 50), 1 << 50)] {
            let list = try ImageList(parsing: changedImage("hv:size", to: value), source: "test")
            #expect(list.images[0].size == ByteCount(Int64(bytes)))
        }
        for value in [-1, "-1", "", "1.5", "1e9", "1 GB", "99999999999999999999", "+1", "٣"] as [JSONValue] {
            #expect(try refusal(changedImage("hv:size", to: value)).code == .malformedList, "\(value)")
        }
        let huge = try String(decoding: Fixture.bytes(Fixture.list()), as: UTF8.self)
            .replacing("1048576", with: "99999999999999999999")
        #expect(try refusal(huge).code == .malformedList)
    }

    @Test(arguments: [
        "2030-05-30", "2030-05-30T00:00:00", "2030-05-30T00:00:00+00:00", "2030-05-30 00:00:00Z",
        "2030-05-30T00:00:00.0Z", "2030-05-30t00:00:00z", "30-05-30T00:00:00Z", "2030-02-31T00:00:00Z",
        "2030-13-01T00:00:00Z", "2030-05-30T24:00:00Z", "2030-+5-30T00:00:00Z", "Thu, 30 May 2030 00:00:00 GMT", "",
        " 2030-05-30T00:00:00Z", "1906329600",
    ])
    func timesHaveOneForm(text: String) throws {
        for key in ["dc:date:created", "dc:date:expires"] {
            let fault = try refusal(changed(key, to: .string(text)))
            #expect(fault.code == .malformedList && fault.description.contains("is no time"), "\(fault)")
        }
    }

    @Test func identifiersAreUUIDsOfAnyCase() throws {
        let upper = try ImageList(
            parsing: changed("dc:identifier", to: .string(Fixture.identifier.uppercased())), source: "test")
        #expect(upper.identifier.description == Fixture.identifier)
        for text in [
            "", "egi", "{\(Fixture.identifier)}", Fixture.identifier + "0", "4ba43e2b3be24c1f9f0a27a3b0c4d5e6",
        ] {
            #expect(try refusal(changed("dc:identifier", to: .string(text))).code == .malformedList)
            #expect(try refusal(changedImage("dc:identifier", to: .string(text))).code == .malformedList)
        }
    }

    @Test func checksumsHave128Digits() throws {
        let digits = Fixture.checksum(1).description
        let upper = try ImageList(
            parsing: changedImage("sl:checksum:sha512", to: .string(digits.uppercased())), source: "test")
        #expect(upper.images[0].checksum == Fixture.checksum(1))
        for text in ["", String(digits.dropLast()), digits + "0", String(digits.dropLast()) + "g", "sha512:\(digits)"] {
            #expect(try refusal(changedImage("sl:checksum:sha512", to: .string(text))).code == .malformedList)
        }
    }

    @Test(arguments: [
        "", "images.example.org/a", "file:///etc/passwd", "ftp://example.org/a", "http://", "https:///a",
        "http:/a.example",
        "http://a.example/ b", "http://a.example/\n", "http://good.example@evil.example/", "javascript:alert(1)",
        "http://a.example/\"", "http://ü.example/",
    ])
    func addressesAreOfTheWeb(text: String) throws {
        #expect(try refusal(changed("hv:uri", to: .string(text))).code == .malformedList)
        #expect(try refusal(changedImage("hv:uri", to: .string(text))).code == .malformedList)
        for good in ["http://a.example", "HTTPS://a.example:8443/b?c=d#e"] as [JSONValue] {
            #expect(throws: Never.self) { try ImageList(parsing: changed("hv:uri", to: good), source: "test") }
        }
    }

    @Test(arguments: ["\u{1b}[2J", "\u{0}", "\u{7}", "\u{7f}", "\u{9b}31m", "\u{202e}gmi.a", "\u{2028}", "\u{2066}"])
    func controlCharactersAreRefused(text: String) throws {
        for key in ["dc:title", "dc:description", "dc:source", "hv:version"] {
            #expect(try refusal(changed(key, to: .string("a\(text)b"))).code == .malformedList)
        }
        for key in ["dc:title", "dc:description", "sl:comments", "sl:os", "hv:hypervisor", "hv:format"] {
            #expect(try refusal(changedImage(key, to: .string("a\(text)b"))).code == .malformedList)
        }
        // Line ends are common in descriptions, and nowhere else.
        #expect(throws: Never.self) {
            try ImageList(parsing: changed("dc:description", to: "a\r\nb\tü"), source: "test")
        }
        #expect(try refusal(changed("dc:title", to: "a\nb")).code == .malformedList)
    }

    @Test func theSameImageTwiceIsRefused() throws {
        var second = Fixture.image(1)
        second["dc:identifier"] = .string(Fixture.uuid(1).uppercased())
        second["sl:checksum:sha512"] = .string(Fixture.checksum(2).description)
        let fault = try refusal(Fixture.bytes(Fixture.list(images: [Fixture.image(1), second])))
        #expect(fault.code == .malformedList && fault.description.contains("twice"))
    }

    @Test func imagesAreBounded() throws {
        var list = Fixture.list(images: [])
        #expect(try Fixture.parsed(list).images == [])
        list["hv:images"] = .array([JSONValue](repeating: [:], count: ImageList.imageLimit + 1))
        #expect(try refusal(Fixture.bytes(list)).description.contains("100001 images"))
        let many = (1...1000).map { Fixture.image($0) }
        #expect(try Fixture.parsed(Fixture.list(images: many)).images.count == 1000)
    }

    @Test func hostileJSONIsRefused() throws {
        let good = String(decoding: try Fixture.bytes(Fixture.list()), as: UTF8.self)
        #expect(throws: Never.self) { try ImageList(parsing: Array(good.utf8), source: "test") }
        for key in ["hv:version", "dc:identifier", "hv:images", "dc:date:expires"] {
            let twice = good.replacing("\"\(key)\":", with: "\"\(key)\":\"2\",\"\(key)\":", maxReplacements: 1)
            let fault = try refusal(twice)
            #expect(fault.code == .malformedList && fault.underlying as? StrictJSONError == .init(.duplicateKey, ""))
        }
        let deep = good.replacing(
            "\"dc:title\"",
            with: "\"x\":\(String(repeating: "[", count: 20))\(String(repeating: "]", count: 20)),\"dc:title\"",
            maxReplacements: 1)
        #expect(try refusal(deep).underlying as? StrictJSONError == .init(.tooDeep, ""))
        #expect(try refusal(good + good).code == .malformedList)
        #expect(try refusal(String(good.dropLast())).code == .malformedList)
        #expect(try refusal("").code == .malformedList)
        #expect(try refusal("[]").code == .malformedList)
        #expect(try refusal("{}").code == .malformedList)
        let bytes = Array(good.utf8)
        let title = try #require(good.utf8.firstRange(of: Array("A list".utf8)))
        var latin = bytes
        latin[good.utf8.distance(from: good.utf8.startIndex, to: title.lowerBound)] = 0xfc
        #expect(try refusal(latin).code == .malformedList)
        let padded = bytes + [UInt8](repeating: 32, count: SignedList.byteLimit * 2 + 2000)
        #expect(try refusal(padded).code == .tooLarge)
    }

    @Test func everyTruncationIsRefused() throws {
        let bytes = try Fixture.bytes(Fixture.list())
        for length in 0..<bytes.count {
            #expect(throws: ImageListError.self) { try ImageList(parsing: Array(bytes[..<length]), source: "test") }
        }
    }
}
