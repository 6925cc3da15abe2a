namespace Matrix.Properties.Mutation

open Matrix.Core.Auth

/// When two decisions count as different.
[<RequireQualifiedAccess>]
module internal Verdicts =

    /// The verdict differs, or the case of failure: the reason, or the entry that it is about. Which clause allows, and which of two clauses
    /// rejects for the same reason, makes no difference to anyone.
    let differ (a: Decision) (b: Decision) : bool =
        match a, b with
        | Decision.Allowed _, Decision.Allowed _ -> false
        | Decision.Rejected a, Decision.Rejected b -> a.Reason <> b.Reason || a.Entry <> b.Entry
        | _ -> true
