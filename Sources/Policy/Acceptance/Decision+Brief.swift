extension Decision {
    /// Without what said nothing about it: for a record.
    package var brief: Decision {
        Decision(
            digest: digest, name: name, decided: decided, isAccepted: isAccepted, standing: standing,
            steps: Array(steps.filter { $0.outcome != .silent }.prefix(100)), reasons: reasons, notes: notes,
            until: until,
            endorsements: endorsements)
    }
}
