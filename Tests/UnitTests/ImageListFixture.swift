import GridModel
import StrictJSON

@testable import ImageLists

/// An image list as JSON, of which tests change something.
enum ImageListFixture {
    static let identifier = "4ba43e2b-3be2-4c1f-9f0a-27a3b0c4d5e6"
    static let subject = "/DC=org/DC=example/CN=Somebody"
    static let issuer = "/DC=org/DC=example/CN=Test CA"

    static func image(_ number: Int = 1) -> [String: JSONValue] {
        [
            "dc:identifier": .string(uuid(number)), "dc:title": "An image", "dc:description": "Of\r\ntwo lines",
            "hv:uri": "https://images.example.org/a.img", "hv:size": 1_048_576, "hv:version": "1.0",
            "hv:hypervisor": "KVM", "sl:arch": "x86_64", "sl:os": "Linux", "sl:osversion": "Debian 12",
            "sl:comments": "", "sl:checksum:sha512": .string(checksum(number).description),
        ]
    }

    static func uuid(_ number: Int) -> String { "00000000-0000-4000-8000-\(String(100_000_000_000 + number))" }

    static func checksum(_ number: Int) -> ImageChecksum { ImageChecksum(of: Array("image \(number)".utf8)) }

    static func list(images: [[String: JSONValue]] = [image()]) -> [String: JSONValue] {
        [
            "dc:date:created": "2030-05-30T00:00:00Z", "dc:date:expires": "2030-06-30T00:00:00Z",
            "dc:identifier": .string(identifier), "dc:description": "Images", "dc:title": "A list",
            "dc:source": "example", "hv:version": "1.2", "hv:uri": "http://images.example.org/list",
            "hv:endorser": [
                "hv:x509": [
                    "hv:ca": .string(issuer), "hv:dn": .string(subject), "hv:email": "a@example.org",
                    "dc:creator": "Somebody",
                ]
            ],
            "hv:images": .array(images.map { .object(["hv:image": .object($0)]) }),
        ]
    }

    static func bytes(_ list: [String: JSONValue], bare: Bool = false) throws -> [UInt8] {
        try StrictJSON.encode(bare ? JSONValue.object(list) : ["hv:imagelist": .object(list)])
    }

    static func parsed(_ list: [String: JSONValue]) throws -> ImageList {
        try ImageList(parsing: try bytes(list), source: "test")
    }
}
