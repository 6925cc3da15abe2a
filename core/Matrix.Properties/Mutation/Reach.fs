namespace Matrix.Properties.Mutation

open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Rules

/// The rules that are tried before another rule decides. A mutant can only change decisions about cases that reach its
/// rule.
[<Sealed>]
type internal Reach(version: RoomVersion) =

    let places = Dictionary<string, int>()
    let ends = Dictionary<string, int>()
    let opening = Dictionary<string, Condition list>()

    do
        let rec walk (around: Condition list) (rules: Rule list) =
            for rule in rules do
                let name = Rule.name rule
                places[name] <- places.Count
                opening[name] <- around

                let around =
                    match rule with
                    | Rule.Scope(_, condition, _) -> condition :: around
                    | _ -> around

                walk around (Rule.inside rule)
                ends[name] <- places.Count

        walk [] version.Authorization

    /// Whether events of this type and membership reach the scopes around a rule.
    let comesTo (eventType: string) (membership: string | null) (rule: string) =
        opening[rule]
        |> List.forall (fun condition ->
            match condition with
            | Condition.TypeIs t -> t = eventType
            | Condition.MembershipIs m -> membership = Spelling.ofMembership m
            | _ -> true)

    let names = [| for rule in Rule.all version.Authorization -> Rule.name rule |]

    /// The number of rules.
    member _.Count = names.Length

    /// The index of the rule that decided; `Count` if none did.
    member _.PlaceOf(decision: Decision) : int =
        match places.TryGetValue decision.Clause with
        | true, place -> place
        | _ -> names.Length

    /// Whether events of this type and membership reach the mutant's rule.
    member _.Comes(mutant: Mutant, eventType: string, membership: string | null) : bool =
        match mutant.Subject with
        | Subject.Authorization when mutant.DecidedBy.IsEmpty -> comesTo eventType membership mutant.Rule
        | Subject.Authorization -> mutant.DecidedBy |> List.forall (comesTo eventType membership)
        | Subject.Selection
        | Subject.Setting -> true
        | Subject.Handling
        | Subject.Redaction
        | Subject.StateResolution -> false

    /// Whether the mutant may change the decision about an event that the rule at this index decides.
    member _.Reaches(mutant: Mutant, event: Pdu, place: int) : bool =
        match mutant.Subject with
        | Subject.Authorization when mutant.DecidedBy.IsEmpty ->
            places[mutant.Rule] <= place
            && comesTo event.Type (event.Content.Text "membership") mutant.Rule
        | Subject.Authorization ->
            mutant.DecidedBy
            |> List.exists (fun rule -> places[rule] <= place && place < ends[rule])
        | Subject.Selection
        | Subject.Setting -> true
        | Subject.Handling
        | Subject.Redaction
        | Subject.StateResolution -> false
