namespace Matrix.Properties.Mutation

open Matrix.Core.Auth

/// When two decisions count as different.
[<RequireQualifiedAccess>]
module internal Verdicts =

    /// Whether the verdicts differ, or the reasons of the failures, or the entries that these are about. Two clauses
    /// that both allow, or that reject for the same reason, count as the same.
    let differ (a: Decision) (b: Decision) : bool =
        match a, b with
        | Decision.Allowed _, Decision.Allowed _ -> false
        | Decision.Rejected a, Decision.Rejected b -> a.Reason <> b.Reason || a.Entry <> b.Entry
        | _ -> true
