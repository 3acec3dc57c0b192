/// Finds a word in bytes (Horspool's algorithm: it steps by the word's length through most of them).
struct ByteSearch: Sendable {
    private let word: [UInt8]
    private let steps: [Int]

    init(_ word: String) {
        let word = Array(word.utf8)
        var steps = [Int](repeating: word.count, count: 256)
        for (index, byte) in word.dropLast().enumerated() { steps[Int(byte)] = word.count - 1 - index }
        self.word = word
        self.steps = steps
    }

    /// Where it first stands at or after `start`.
    func firstIndex(in bytes: [UInt8], from start: Int = 0) -> Int? {
        bytes.withUnsafeBufferPointer { bytes in
            word.withUnsafeBufferPointer { word in
                steps.withUnsafeBufferPointer { steps in
                    let last = word.count - 1
                    var place = start
                    while place + last < bytes.count {
                        let byte = bytes[place + last]
                        if byte == word[last] && (0..<last).allSatisfy({ bytes[place + $0] == word[$0] }) {
                            return place
                        }
                        place += steps[Int(byte)]
                    }
                    return nil
                }
            }
        }
    }
}
