import GridModel

/// What a lock says becomes names of files and arguments of tools: it is believed only in the grammar of each.
extension Lock {
    /// Nil where there is none.
    var fault: String? {
        if let kernel, !kernel.name.hasPrefix("kernel-") || !kernel.name.isMade(of: Self.nameExtras) {
            return "\(Self.shown(kernel.name)) is no name of a kernel"
        }
        return (layers + [kernel?.inputs].compactMap { $0 }).lazy.compactMap(\.fault).first
    }

    fileprivate static let nameExtras: Set<Character> = [".", "_", "+", "-"]

    /// A stranger's words, fit for a message.
    fileprivate static func shown(_ text: String) -> String {
        "'\(String(text.prefix(60).map { $0.isPrintable ? $0 : "?" }))'"
    }
}

extension Lock.Layer {
    fileprivate var fault: String? {
        if (try? Environment(parsing: name)) == nil, !name.isMade(of: Lock.nameExtras) {
            return "\(Lock.shown(name)) is no name of a recipe"
        }
        if let bad = inputs.first(where: { $0.size < 0 || !$0.name.isSource }) {
            return "\(Lock.shown(bad.name)) is no input"
        }
        return packages.lazy.compactMap(\.fault).first ?? wheels.lazy.compactMap(\.fault).first ?? container?.fault
    }
}

extension Lock.Package {
    /// By Debian's policy, 5.6.1 and 5.6.12.
    fileprivate var fault: String? {
        let isNamed = name.count >= 2 && name.isMade(of: ["+", "-", "."]) && name == name.lowercased()
        let isVersioned = version.first?.isASCIIDigit == true && version.isMade(of: [".", "+", "-", "~", ":"])
        guard isNamed, isVersioned, ["amd64", "all"].contains(architecture) else {
            return "\(Lock.shown("\(name) \(version) \(architecture)")) is no package of Debian"
        }
        return nil
    }
}

extension Lock.Wheel {
    /// By PEP 427: `NAME-VERSION[-BUILD]-INTERPRETER-ABI-PLATFORM.whl`.
    fileprivate var fault: String? {
        let parts = file.dropLast(4).split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard file.hasSuffix(".whl"), [5, 6].contains(parts.count),
            parts.allSatisfy({ $0.isMade(of: [".", "_", "+", "!"]) }), parts[0] == name, parts[1] == version
        else {
            return "\(Lock.shown(file)) is no wheel of \(Lock.shown("\(name) \(version)"))"
        }
        return nil
    }
}

extension Lock.Container {
    fileprivate var fault: String? {
        let isNamed = ["oci:", "docker://"].contains(where: reference.hasPrefix) && reference.isSource
        guard isNamed, blobs.count >= 2, blobs[0].digest == manifest else {
            return "\(Lock.shown(reference)) is no container image with manifest and configuration"
        }
        return nil
    }
}

extension String {
    /// ASCII letters, digits and some others; begins with a letter or a digit.
    fileprivate func isMade(of others: Set<Character>) -> Bool {
        guard let first, first.isASCIIAlphanumeric, utf8.count <= 255 else { return false }
        return allSatisfy { $0.isASCIIAlphanumeric || others.contains($0) }
    }

    /// Something that a recipe can name, or a file's name.
    fileprivate var isSource: Bool { !isEmpty && utf8.count <= 4096 && allSatisfy(\.isPrintable) }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
    fileprivate var isASCIIAlphanumeric: Bool { isASCII && (isLetter || isNumber) }
    fileprivate var isPrintable: Bool {
        !unicodeScalars.contains {
            $0.properties.generalCategory == .control || $0.properties.generalCategory == .format
        }
    }
}
