namespace Matrix.Properties.SmallWorlds

open Matrix.Rules

/// The list of all invariants, each with the exceptions that the specification has.
[<RequireQualifiedAccess>]
module Invariants =

    /// All invariants.
    let all: Invariant list =
        CreationInvariants.all
        @ MembershipInvariants.all
        @ SendingInvariants.all
        @ LevelsInvariants.all
        @ PossibleInvariants.all

    /// The invariants about a version.
    let of' (version: RoomVersion) : Invariant list =
        all |> List.filter (fun i -> i.In version)

    /// Whether an invariant is about events of a type.
    let isAbout (eventType: string) (invariant: Invariant) : bool =
        match invariant.About with
        | "" -> true
        | about when about[0] = '-' -> about.Substring 1 <> eventType
        | about -> about = eventType
