namespace Matrix.Properties.Mutation

open Matrix.Properties.SmallWorlds
open Matrix.Properties.Vectors
open Matrix.Rules

/// What became of a mutant.
[<RequireQualifiedAccess>]
type Status =
    /// A vector, or else a decision of the small worlds, tells it from its version.
    | Killed
    /// None does, and it is listed with a reason why none could.
    | Equivalent
    /// None does, and nobody has said why.
    | Survived
    /// It is listed, and a decision tells it nevertheless.
    | WronglyListed

/// What became of a mutant, in versions that share it.
type Fate = {
    Id: string
    Subject: Subject
    Rule: string
    Mutation: string
    Versions: string list
    Status: Status
    /// What told it; or the worlds in which nothing does, on how many decisions, and why.
    By: string
} with

    /// Whether somebody has to look at it.
    member this.IsFinding =
        this.Status = Status.Survived || this.Status = Status.WronglyListed

/// How far to look for what tells a mutant from its version.
[<RequireQualifiedAccess>]
type Search =
    /// The vectors only: what is told by none of them must be listed.
    | Vectors
    /// One decision of the small worlds in so many, besides; 1 for all.
    | Worlds of every: int64

/// Changing the tables of versions one rule at a time: whether anything would notice.
[<RequireQualifiedAccess>]
module Mutation =

    let private describe (kill: Kill) : string =
        let words = World.describe kill.World kill.Case |> String.concat "; "
        $"world \"{kill.World.Name}\": {words}"

    let private fate (group: RoomVersion list) (mutant: Mutant) status by = {
        Id = mutant.Id
        Subject = mutant.Subject
        Rule = mutant.Rule
        Mutation = mutant.Mutation
        Versions = group |> List.map _.Id
        Status = status
        By = by
    }

    let private ofKill (group: RoomVersion list) (mutant: Mutant) (by: string) : Fate =
        match Equivalents.reasonOf group.Head mutant with
        | None -> fate group mutant Status.Killed by
        | Some _ -> fate group mutant Status.WronglyListed by

    let private ofSurvivor (group: RoomVersion list) (mutant: Mutant) (looked: string) : Fate =
        match Equivalents.reasonOf group.Head mutant with
        | None -> fate group mutant Status.Survived looked
        | Some reason -> fate group mutant Status.Equivalent $"{looked}: {reason}"

    /// The mutants of versions that share all that authorization reads.
    let private group
        (files: (string * VectorFile) list)
        (worlds: World list)
        (search: Search)
        told
        (group: RoomVersion list)
        : Fate list =
        let suite = Suite(group.Head, files)
        told $"version {suite.Version.Id}: vectors"

        let byVector =
            Mutants.ofAuthorization group.Head |> List.map (fun m -> m, suite.Killer m)

        let left =
            byVector |> List.filter (fun (_, killer) -> killer.IsNone) |> List.map fst

        let tried =
            match search with
            | Search.Vectors -> Map.empty
            | Search.Worlds finest -> Hunt.run suite worlds finest told left

        [
            for mutant, killer in byVector do
                match killer, tried.TryFind mutant.Id with
                | Some vector, _ -> ofKill group mutant vector
                | None, Some { Kill = Some kill } -> ofKill group mutant (describe kill)
                | None, Some outcome ->
                    let names = outcome.Worlds |> List.map (sprintf "\"%s\"") |> String.concat ", "
                    ofSurvivor group mutant $"within the worlds {names} ({outcome.Decisions} decisions)"
                | None, None -> ofSurvivor group mutant $"within the vectors ({suite.Decisions} decisions)"
        ]

    /// The mutants of versions that share a redaction table.
    let private redactions (files: (string * VectorFile) list) (group: RoomVersion list) : Fate list =
        let suite = Suite(group.Head, files)

        [
            for mutant in Mutants.ofRedaction group.Head do
                match suite.Killer mutant with
                | Some vector -> ofKill group mutant vector
                | None -> ofSurvivor group mutant "within the redaction vectors"
        ]

    /// Every mutant of these versions and what became of it. `told` hears what is being done.
    let run
        (files: (string * VectorFile) list)
        (worlds: World list)
        (search: Search)
        (told: string -> unit)
        (versions: RoomVersion list)
        : Fate list =
        (Worlds.groups versions |> List.collect (group files worlds search told))
        @ (versions
           |> List.groupBy _.Redaction
           |> List.collect (fun (_, group) -> redactions files group))
