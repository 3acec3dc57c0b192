import StrictJSON

/// Something that a command prints, for people or as JSON.
protocol Shown: Encodable {
    func printForPeople()
}

extension Shown {
    func show(asJSON json: Bool) throws {
        if json {
            try Report.data(try StrictJSON.encode(self, pretty: true))
        } else {
            printForPeople()
        }
    }
}
