namespace Matrix.Properties.Properties

open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Properties.SmallWorlds

/// The decisions about a version.
[<NoEquality; NoComparison>]
type Surveyed = {
    /// The lightest cases, up to a weight at which every clause and exception has occurred.
    Lightest: Survey
    /// Cases of every weight: drawn ones, or all.
    Run: Survey
    /// The smallest cases that the version decides in another way than its parent.
    Differing: Survey
    /// The rows of authorization that differ from the parent's and for which no case was found.
    Unshown: string list
} with

    /// All of them.
    member this.All: Survey list = [ this.Lightest; this.Differing; this.Run ]

/// A statement about a version's decisions.
[<NoEquality; NoComparison>]
type DecisionLaw = {
    Name: string
    Meaning: string
    /// The versions that the statement is about.
    In: RoomVersion -> bool
    /// The exceptions of an invariant.
    Exceptions: Exemption list
    /// Whether the law says that something can happen. Then one case shows it.
    CanHappen: bool
    /// How many cases it was checked with.
    Asked: Surveyed -> int64
    /// What is wrong, if anything.
    Fault: Surveyed -> string option
}

/// The laws about decisions in small worlds, for tests and `mx rules verify`.
[<RequireQualifiedAccess>]
module DecisionLaws =

    // In every version, each clause has decided and each exception has occurred below this weight.
    let private heaviest = 12

    /// The lightest cases of all worlds.
    let lightest (version: RoomVersion) : Survey =
        Survey.lightest version (Worlds.widened [ version ] Worlds.all) heaviest

    /// The decisions about the smallest cases that the version decides in another way than its parent, and the rows of
    /// authorization for which no case was found.
    let differing (version: RoomVersion) : Survey * string list =
        match version.Parent |> Option.bind Versions.tryFindUnstable with
        | None -> Survey.cases version [], []
        | Some parent ->
            let unshown, apart = Differences.decided parent version

            Survey.cases version [ for a in apart -> a.World, a.Case ],
            [ for change in unshown -> (RowChanges.row change).Id ]

    /// What is known of a version's decisions, given the cases that were run.
    let surveyed (version: RoomVersion) (run: Survey) : Surveyed =
        let differing, unshown = differing version

        {
            Lightest = lightest version
            Run = run
            Differing = differing
            Unshown = unshown
        }

    /// How many cases of each world a quick run draws.
    let few = 3000

    /// A number of drawn cases of each world.
    let sample (version: RoomVersion) (count: int) (seed: uint64) : Survey =
        Survey.sample version (Worlds.widened [ version ] Worlds.all) count seed

    let private evaluatorsAgree = {
        Name = "auth.evaluators-agree-on-small-worlds"
        Meaning =
            "The evaluator that the host runs decides the cases of small worlds as the literal one does, by the same \
             clause and with the same failure."
        In = fun _ -> true
        Exceptions = []
        CanHappen = false
        Asked = fun s -> s.Run.Worlds |> Seq.sumBy _.Decided
        Fault =
            fun s ->
                let thrown =
                    s.All
                    |> List.tryPick (fun survey ->
                        survey.Undecided.Seen.Lightest
                        |> Option.map (fun witness -> $"{survey.Undecided.Words}\n{Witnesses.name witness}"))

                let apart =
                    s.All
                    |> List.tryPick _.Disagreements.Lightest
                    |> Option.map (fun witness -> $"they disagree on\n{Witnesses.show s.Run.Version witness}")

                Option.orElse apart thrown
    }

    let private idleAxes = {
        Name = "worlds.idle-axes-are-idle"
        Meaning =
            "A case is decided in the same way, by the same clause and with the same failure, whatever its choices are \
             on the axes that its world declares idle."
        In = fun _ -> true
        Exceptions = []
        CanHappen = false
        Asked = fun s -> s.All |> List.sumBy _.Compared
        Fault =
            fun s ->
                s.All
                |> List.tryPick _.NotIdle.Lightest
                |> Option.map (Witnesses.notIdle s.Run.Version)
    }

    let private differencesAreShown = {
        Name = "worlds.differences-are-shown"
        Meaning =
            "Each row of authorization that a version changes decides some case of a small world in another way than \
             its parent: invariants judge it."
        In = fun version -> version.Parent.IsSome
        Exceptions = []
        CanHappen = false
        Asked =
            fun s ->
                s.Differing.Clauses.Values
                |> Seq.sumBy (fun c -> c.Accepted.Count + c.Rejected.Count)
        Fault =
            fun s ->
                match s.Unshown with
                | [] -> None
                | rows ->
                    let rows = String.concat ", " rows
                    Some $"no case shows {rows}"
    }

    let private everyClauseDecides = {
        Name = "worlds.every-clause-decides"
        Meaning = "Every clause of a version decides some case of a small world, with each of its outcomes."
        In = fun _ -> true
        Exceptions = []
        CanHappen = false
        Asked = fun s -> int64 s.Run.Clauses.Count
        Fault =
            fun s ->
                Survey.undecided s.Lightest
                |> List.tryHead
                |> Option.map (fun (clause, accepting) ->
                    let outcome = if accepting then "accepted" else "rejected"
                    $"nothing is {outcome} by {clause}")
    }

    let private finding (name: string) (survey: Survey) : Finding =
        survey.Findings |> List.find (fun f -> f.Invariant.Name = name)

    /// How often a survey saw an exception.
    let excepted (law: DecisionLaw) (exemption: Exemption) (survey: Survey) : Sightings =
        (finding law.Name survey).Excepted
        |> List.find (fun (e, _) -> e.Name = exemption.Name)
        |> snd

    /// The lightest case that an invariant is about.
    let shown (law: DecisionLaw) (survey: Survey) : Witness option =
        (finding law.Name survey).Applied.Lightest

    /// An invariant holds for all cases except its exceptions; each exception occurs among the lightest cases.
    let private holds (i: Invariant) : DecisionLaw = {
        Name = i.Name
        Meaning = i.Meaning
        In = i.In
        Exceptions = i.Exceptions
        CanHappen = i.CanHappen
        Asked = fun s -> s.All |> List.sumBy (fun survey -> (finding i.Name survey).Applied.Count)
        Fault =
            fun s ->
                let light = finding i.Name s.Lightest

                let found = s.All |> List.map (finding i.Name)
                let broken = found |> List.tryPick _.Broken.Lightest

                let thrown =
                    found
                    |> List.tryPick (fun f ->
                        f.Thrown.Seen.Lightest
                        |> Option.map (fun witness -> $"{f.Thrown.Words}\n{Witnesses.name witness}"))

                let missing = light.Excepted |> List.tryFind (fun (_, seen) -> seen.Count = 0L)

                match broken, thrown, missing with
                | Some witness, _, _ -> Some $"does not hold of\n{Witnesses.show s.Run.Version witness}"
                | None, Some words, _ -> Some words
                | None, None, Some(e, _) -> Some $"the exception {e.Name} never occurs"
                | None, None, None when light.Applied.Count = 0L ->
                    Some "no decision in the survey is one that it is about"
                | None, None, None -> None
    }

    /// All laws.
    let all: DecisionLaw list =
        evaluatorsAgree
        :: everyClauseDecides
        :: idleAxes
        :: differencesAreShown
        :: List.map holds Invariants.all

    /// The laws about a version.
    let ofVersion (version: RoomVersion) : DecisionLaw list =
        all |> List.filter (fun law -> law.In version)
