namespace Matrix.Properties.Mutation

open Matrix.Core.Auth

/// When two decisions count as different.
[<RequireQualifiedAccess>]
module internal Verdicts =

    /// The verdict differs, or the failure: its reason, or the entry that it is about. Two clauses that allow, or
    /// reject for the same reason, count as the same.
    let differ (a: Decision) (b: Decision) : bool =
        match a, b with
        | Decision.Allowed _, Decision.Allowed _ -> false
        | Decision.Rejected a, Decision.Rejected b -> a.Reason <> b.Reason || a.Entry <> b.Entry
        | _ -> true
