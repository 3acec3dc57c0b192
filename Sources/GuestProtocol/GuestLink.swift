/// What host and guest agree on beside the frames.
package enum GuestLink {
    /// Of the protocol; both sides say theirs in their hello, and a difference ends the machine with a clear message.
    package static let version: UInt16 = 3
    /// The name of the virtio-serial port that carries the frames.
    package static let portName = "org.sojourn.guest.0"
    /// Unacknowledged output bytes that the guest may have under way; then the payload waits.
    package static let outputWindow = 1 << 20
    /// Bytes of standard input that the host may send before the guest has passed them on.
    package static let inputWindow = 256 << 10
    /// The most bytes of output or input in one frame.
    package static let chunk = 64 << 10
    /// Where documents become files in the guest.
    package static let documents = "/run/sojourn"
    /// The guest's loopback serves the directories `machinefeatures` and `jobfeatures` at this port: below 1024, where no
    /// payload can listen, and unassigned (IANA's "Service Name and Transport Protocol Port Number Registry").
    package static let featuresPort: UInt16 = 1009
    /// The directories of documents that are served.
    package static let featureDirectories = ["machinefeatures", "jobfeatures"]
    /// Serials of the disks.
    package enum Disk {
        package static func layer(_ index: Int) -> String { "layer\(index)" }
        package static let scratch = "scratch"
        package static let stageIn = "stage-in"
        package static let stageOut = "stage-out"
        package static let swap = "swap"
    }
    /// On the kernel's command line: how many layers there are, or that this start only tries the accelerator.
    package static let layersArgument = "sojourn.layers"
    package static let probeArgument = "sojourn.probe"
}
