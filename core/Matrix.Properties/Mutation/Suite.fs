namespace Matrix.Properties.Mutation

open System
open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.Vectors
open Matrix.Rules

/// A decision that mutants are checked against.
type internal Trial = {
    /// The vector's file and position.
    Name: string
    Case: AuthCase
    /// The version's own decision.
    Right: Decision
    /// The rule that decided.
    Decider: int
}

/// The state of a vector, read once by the rules of its version.
[<Sealed>]
type private ReadState(rules: AuthRules, events: Map<string * string, Pdu>) =
    let read = Dictionary<struct (string * string), AuthEvent>()

    do
        for KeyValue((eventType, key), event) in events do
            read[struct (eventType, key)] <- rules.Read event

    interface IAuthState with
        member _.Find(eventType, key) : AuthEvent | null =
            match read.TryGetValue(struct (eventType, key)) with
            | true, event -> event
            | _ -> null

/// The vectors of a kind for a version's mutants.
[<RequireQualifiedAccess>]
module internal VectorsOf =

    /// The vectors, by their names in reports. An unstable version also uses its parent's vectors, which it decides by
    /// its own rules: it differs from the parent in little.
    let version (version: RoomVersion) (kind: string) (files: (string * VectorFile) list) : (string * Vector) list =
        let ids =
            match version.Stability with
            | Stability.Stable -> [ version.Id ]
            | Stability.Unstable -> version.Id :: Option.toList version.Parent

        [
            for file, vectors in files do
                if vectors.Kind = kind then
                    for vector in vectors.Vectors do
                        if List.contains vector.Version ids then
                            $"vector {file} {vector.Place}: {vector.Name}", vector
        ]

/// The vectors that distinguish mutants of authorization, selection and settings.
[<Sealed>]
type internal Suite(version: RoomVersion, files: (string * VectorFile) list) =

    let rules = AuthRules version
    let reach = Reach version

    let trials = [|
        for name, vector in VectorsOf.version version "authorization" files do
            match Vectors.authCase vector with
            | Error _ -> ()
            | Ok case ->
                let right = AuthCase.decide rules case

                {
                    Name = name
                    Case = case
                    Right = right
                    Decider = reach.PlaceOf right
                }
    |]

    let states = lazy (trials |> Array.map (fun t -> ReadState(rules, t.Case.State)))

    let levels = [
        for name, vector in VectorsOf.version version "power-level" files do
            match vector.Question.TryFind "value" with
            | ValueSome value -> name, value
            | ValueNone -> ()
    ]

    let bySettings (mutant: Mutant) (mutated: AuthRules) : string option =
        let values (v: RoomVersion) = v.Settings.PowerLevelValues

        levels
        |> List.tryFind (fun (_, value) ->
            LevelValues.read (values version) value
            <> LevelValues.read (values mutant.Table) value)
        |> Option.map fst
        |> Option.orElseWith (fun () ->
            trials
            |> Array.tryFind (fun t -> Verdicts.differ t.Right (AuthCase.decide mutated t.Case))
            |> Option.map _.Name)

    let byDecisions (mutant: Mutant) (mutated: AuthRules) : string option =
        let mutable i = 0
        let mutable killer = None

        while killer.IsNone && i < trials.Length do
            let trial = trials[i]

            if
                reach.Reaches(mutant, trial.Case.Event, trial.Decider)
                && Verdicts.differ trial.Right (mutated.Decide(trial.Case.Event, states.Value[i], trial.Case.Facts))
            then
                killer <- Some trial.Name

            i <- i + 1

        killer

    /// The version.
    member _.Version = version
    /// Its rules.
    member _.Rules = rules
    /// Which rules reach which others.
    member _.Reach = reach
    /// The number of decisions.
    member _.Decisions = trials.Length
    /// The cases, by the names of their vectors.
    member _.Cases: (string * AuthCase) list = [ for t in trials -> t.Name, t.Case ]

    /// The vector that distinguishes the mutant of authorization, selection or settings from the version.
    member _.Killer(mutant: Mutant) : string option =
        let by =
            if mutant.Subject = Subject.Setting then
                bySettings
            else
                byDecisions

        by mutant (AuthRules mutant.Table)
