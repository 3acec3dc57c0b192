/// What runs the guest's instructions.
package enum Accelerator: String, Codable, Sendable, CaseIterable {
    case kvm
    case tcg

    var option: String {
        switch self {
        case .kvm: "kvm"
        case .tcg: "tcg,thread=multi"
        }
    }
}
