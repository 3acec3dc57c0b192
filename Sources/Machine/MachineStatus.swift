package import Control
import StrictJSON

/// What a supervisor tells its clients: the whole truth each time, one JSON line, so that a lost line loses nothing.
package struct MachineStatus: Codable, Equatable, Sendable {
    package var phase: MachineControl.Phase
    /// Bytes in the spool.
    package var standardOutput: Int64
    package var standardError: Int64
    /// Bytes of standard input that the payload has taken, since the machine's start.
    package var inputTaken: Int64
    /// The record is written.
    package var isOver: Bool

    package static let start = MachineStatus(
        phase: .booting, standardOutput: 0, standardError: 0, inputTaken: 0, isOver: false)

    package func line() throws -> [UInt8] { try StrictJSON.encode(self, pretty: false) + [10] }
}
