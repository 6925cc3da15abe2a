namespace Matrix.Properties.Properties

open Matrix.Rules
open Matrix.Properties.SmallWorlds

/// What was decided of a version.
[<NoEquality; NoComparison>]
type Surveyed = {
    /// The lightest cases, until everything that is to be seen was seen.
    Lightest: Survey
    /// Cases of every weight: drawn ones, or all.
    Run: Survey
}

/// Something that holds of a version's decisions.
[<NoEquality; NoComparison>]
type DecisionLaw = {
    Name: string
    Meaning: string
    /// The versions of which it is said.
    In: RoomVersion -> bool
    /// Of an invariant, its exceptions.
    Exceptions: Exemption list
    /// Whether it says that something can happen, and of a case that shows it.
    CanHappen: bool
    /// How often it was asked.
    Asked: Surveyed -> int64
    /// What is wrong with it, if anything.
    Fault: Surveyed -> string option
}

/// What is asked of decisions in small worlds, by tests and by `mx rules verify`.
[<RequireQualifiedAccess>]
module DecisionLaws =

    // In every version, each clause has decided and each exception has occurred before cases are as heavy as this.
    let private heaviest = 12

    /// The lightest cases of all worlds.
    let lightest (version: RoomVersion) : Survey =
        Survey.lightest version Worlds.all heaviest

    /// How many cases of each world are drawn where seconds count.
    let few = 3000

    /// So many drawn cases of each world.
    let sample (version: RoomVersion) (count: int) (seed: uint64) : Survey =
        Survey.sample version Worlds.all count seed

    let private evaluatorsAgree = {
        Name = "auth.evaluators-agree-on-small-worlds"
        Meaning =
            "The evaluator that the host runs decides the cases of small worlds as the literal one does, by the same clause and with the same \
             failure."
        In = fun _ -> true
        Exceptions = []
        CanHappen = false
        Asked = fun s -> s.Run.Worlds |> Seq.sumBy _.Decided
        Fault =
            fun s ->
                s.Run.Disagreements.Lightest
                |> Option.map (fun witness -> $"they disagree on\n{Witnesses.show s.Run.Version witness}")
    }

    let private everyClauseDecides = {
        Name = "worlds.every-clause-decides"
        Meaning = "Every clause of a version decides a case of a small world, with every outcome that it has."
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

    /// Of an exception, by its name, what a survey saw.
    let excepted (law: DecisionLaw) (exemption: Exemption) (survey: Survey) : Sightings =
        (finding law.Name survey).Excepted
        |> List.find (fun (e, _) -> e.Name = exemption.Name)
        |> snd

    /// The lightest case that an invariant is about.
    let shown (law: DecisionLaw) (survey: Survey) : Witness option =
        (finding law.Name survey).Applied.Lightest

    /// An invariant holds of all cases but for its exceptions, of which the lightest cases show each.
    let private holds (i: Invariant) : DecisionLaw = {
        Name = i.Name
        Meaning = i.Meaning
        In = i.In
        Exceptions = i.Exceptions
        CanHappen = i.CanHappen
        Asked = fun s -> (finding i.Name s.Run).Applied.Count + (finding i.Name s.Lightest).Applied.Count
        Fault =
            fun s ->
                let light = finding i.Name s.Lightest

                let broken =
                    light.Broken.Lightest |> Option.orElse (finding i.Name s.Run).Broken.Lightest

                let missing = light.Excepted |> List.tryFind (fun (_, seen) -> seen.Count = 0L)

                match broken, missing with
                | Some witness, _ -> Some $"does not hold of\n{Witnesses.show s.Run.Version witness}"
                | None, Some(e, _) -> Some $"the exception {e.Name} never occurs"
                | None, None when light.Applied.Count = 0L -> Some "no decision is one that it is about"
                | None, None -> None
    }

    /// All of them.
    let all: DecisionLaw list =
        evaluatorsAgree :: everyClauseDecides :: List.map holds Invariants.all

    /// Those that are said of a version.
    let ofVersion (version: RoomVersion) : DecisionLaw list =
        all |> List.filter (fun law -> law.In version)
