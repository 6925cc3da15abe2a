namespace Matrix.Proofs.Interpretation

open System.Collections.Generic
open Matrix.Core.Json

/// A value of a case.
[<RequireQualifiedAccess>]
type CaseValue =
    | Bool of bool
    | Int of bigint
    | Text of string
    /// None is the constructor `absent`.
    | Json of Json option
    /// An auth event, by its place.
    | Cited of int

/// What the declared functions and the sorts are in one case.
type CaseModel = {
    /// The value of a declared function.
    Apply: string -> CaseValue[] -> CaseValue
    Texts: CaseValue[]
    Cited: CaseValue[]
    Jsons: CaseValue[]
}
