import SwiftASN1

/// What an algorithm is called, with its parameters (RFC 5280, section 4.1.1.2).
struct AlgorithmIdentifier: DERImplicitlyTaggable {
    static var defaultIdentifier: ASN1Identifier { .sequence }

    let algorithm: ASN1ObjectIdentifier
    /// Nil where they are absent.
    let parameters: ASN1Node?
    private let encodedParameters: ASN1Any?

    init(_ algorithm: ASN1ObjectIdentifier, parameters: ASN1Any? = nil) {
        self.algorithm = algorithm
        self.parameters = nil
        encodedParameters = parameters
    }

    init(derEncoded node: ASN1Node, withIdentifier identifier: ASN1Identifier) throws {
        (algorithm, parameters) = try DER.sequence(node, identifier: identifier) { nodes in
            (try ASN1ObjectIdentifier(derEncoded: &nodes), nodes.next())
        }
        encodedParameters = parameters.map { ASN1Any(derEncoded: $0) }
    }

    func serialize(into coder: inout DER.Serializer, withIdentifier identifier: ASN1Identifier) throws {
        try coder.appendConstructedNode(identifier: identifier) { coder in
            try coder.serialize(algorithm)
            if let encodedParameters { try coder.serialize(encodedParameters) }
        }
    }
}
