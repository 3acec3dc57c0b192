package import GridModel

/// What a job gets of what it asked for: every range has become a number.
package struct Grant: Codable, Equatable, Sendable {
    package var architecture: ArchitectureLevel
    package var cores: Int
    package var memory: ByteCount
    package var scratch: ByteCount
    package var swap: ByteCount
    package var wall: WallTime?
    package var cpu: WallTime?
    package var network: NetworkProfile
    package var output: ByteCount
}
