/// Where metadata is served.
package protocol MetadataSource: Sendable {
    /// The file `name`, as it is served; nil where the server says that there is none. Longer ones are refused unread.
    func read(_ name: String, limit: Int) throws -> [UInt8]?
    /// For messages.
    var description: String { get }
}
