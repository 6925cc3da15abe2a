namespace Matrix.Properties.Mutation

/// Mutants that no case can distinguish from their version, and why.
type Equivalent = {
    Subject: Subject
    Rule: string
    /// The beginnings of their names.
    Mutations: string list
    /// The versions that have them; empty for all.
    Versions: string list
    Reason: string
}
