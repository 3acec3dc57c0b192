package import GridModel
import StrictJSON

/// An image list of HEPiX, `hv:imagelist`, as its endorser wrote it. Keys that are not known are passed over.
package struct ImageList: Sendable, Equatable {
    package static let imageLimit = 100_000

    package let identifier: ListedIdentifier
    package let version: ListVersion
    package let created: Timestamp
    package let expires: Timestamp
    package let title: String
    package let description: String
    package let source: String
    package let address: String
    /// `hv:dn` and `hv:ca`: whose signature the list says to have.
    package let endorser: Signer
    package let endorserName: String
    package let endorserMail: String
    package let images: [ListedImage]

    /// `source` names the list in errors.
    package init(parsing payload: [UInt8], source: String) throws {
        do {
            // Twice the size of a served list, since each line end may have become two bytes; nested as the format is.
            let limits = StrictJSON.Limits(bytes: SignedList.byteLimit * 2 + 1024, depth: 16)
            let root = try JSONDocument(payload, limits: limits, source: source).root
            // A bare object is the old form.
            try self.init(try root.member("hv:imagelist") ?? root)
        } catch let fault as StrictJSONError {
            throw ImageListError(
                fault.code == .tooLarge ? .tooLarge : .malformedList,
                "the list is no image list of HEPiX that can be relied on; tell its endorser", underlying: fault)
        }
    }

    private init(_ list: JSONElement) throws {
        identifier = try list.value("dc:identifier")
        version = try list.value("hv:version")
        created = try list.time("dc:date:created")
        expires = try list.time("dc:date:expires")
        title = try list.line("dc:title")
        description = try list.prose("dc:description")
        source = try list.line("dc:source")
        address = try list.address("hv:uri")
        let person = try list.required("hv:endorser").required("hv:x509")
        endorser = Signer(subject: try person.value("hv:dn"), issuer: try person.value("hv:ca"))
        endorserName = try person.line("dc:creator")
        endorserMail = try person.line("hv:email")
        let elements = try list.required("hv:images")
        let entries = try elements.elements()
        guard entries.count <= Self.imageLimit else {
            throw elements.refusal("\(entries.count) images, more than the \(Self.imageLimit) allowed")
        }
        var seen: Set<ListedIdentifier> = []
        images = try entries.map { entry in
            let image = try ListedImage(try entry.required("hv:image"))
            guard seen.insert(image.identifier).inserted else {
                throw entry.refusal("the image \(image.identifier) is in the list twice")
            }
            return image
        }
    }
}
