import ImageFormat
import ImageStore
import StrictJSON

/// The files of an image, as its layers show them on one another; printed while they are read, since there may be millions.
struct FileTable {
    private let image: StoredImage
    private let overlay: FileListingOverlay

    init(_ image: StoredImage, _ store: ImageStore) throws {
        self.image = image
        overlay = try store.overlay(of: image)
    }

    func show(asJSON json: Bool) throws {
        let width = image.layers.map(\.name.count).max() ?? 0
        var overlay = overlay
        var buffer = json ? [] : Array("\(FileRow.header(layerWidth: width))\n".utf8)
        while let element = try overlay.nextElement() {
            let row = FileRow(element, layer: image.layers[element.layer].name)
            buffer += json ? try StrictJSON.encode(row) : Array(row.line(layerWidth: width).escapingControls.utf8)
            buffer.append(UInt8(ascii: "\n"))
            if buffer.count >= 1 << 16 {
                try Report.data(buffer)
                buffer = []
            }
        }
        try Report.data(buffer)
    }
}
