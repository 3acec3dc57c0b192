package import GridModel
import StrictJSON

/// An image as a list describes it, `hv:image`.
package struct ListedImage: Sendable, Equatable {
    package let identifier: ListedIdentifier
    package let checksum: ImageChecksum
    package let title: String
    package let description: String
    package let address: String
    package let size: ByteCount
    package let version: String
    package let hypervisor: String
    package let architecture: String
    package let os: String
    package let osVersion: String
    package let comments: String
    /// `hv:format`, where the list says it.
    package let format: String?

    init(_ image: JSONElement) throws {
        identifier = try image.value("dc:identifier")
        checksum = try image.value("sl:checksum:sha512")
        title = try image.line("dc:title")
        description = try image.prose("dc:description")
        address = try image.address("hv:uri")
        size = try image.size("hv:size")
        version = try image.line("hv:version")
        hypervisor = try image.line("hv:hypervisor")
        architecture = try image.line("sl:arch")
        os = try image.line("sl:os")
        osVersion = try image.line("sl:osversion")
        comments = try image.prose("sl:comments")
        format = try image.member("hv:format") == nil ? nil : try image.line("hv:format")
    }
}
