namespace Matrix.Properties.SmallWorlds

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties.Generators

/// The smallest redaction that shows each differing row of the rules that handle redactions.
[<RequireQualifiedAccess>]
module internal RedactionSearch =

    /// The greatest weight of a case that is searched.
    let private heaviest = 9

    /// A version's decisions about a redaction: whether its authorization rules accept it, and whether it is then
    /// applied.
    type private Fate = {
        Accepted: Decision
        Applied: Decision
    } with

        /// The outcome, whichever clause decided.
        member this.Outcome = this.Accepted.IsOk, this.Accepted.IsOk && this.Applied.IsOk

        /// The outcome in words.
        member this.Words =
            match this.Accepted, this.Applied with
            | Decision.Rejected failure, _ -> $"the redaction itself is rejected: {Failures.render failure}"
            | Decision.Allowed clause, Decision.Allowed applied ->
                $"it is accepted by {clause}, and applied by {applied}"
            | Decision.Allowed clause, Decision.Rejected failure ->
                $"it is accepted by {clause}, and not applied: {Failures.render failure}"

    /// The rules of a version, and a stage on which they decide redactions.
    [<Sealed>]
    type private Judge(version: RoomVersion) =

        let loader = CaseLoader(Ground(RedactingWorld.world, version))
        let rules = loader.Ground.Rules

        /// Whether the redacted event's id has the domain of its sender's server.
        member _.IsNamedByItsServer(case: int[]) : bool =
            loader.Load case
            let sender = RedactingWorld.redactedSender case

            (string loader.Event.Redacts)
                .EndsWith(sender.Substring(sender.IndexOf ':'), System.StringComparison.Ordinal)

        /// Whether it is applied, if it is accepted.
        member _.Applied(case: int[]) : Decision =
            loader.Load case
            RedactingWorld.decide rules loader case

        /// Both decisions. The cases have no members, so the sender joins first: a redaction's sender must be a member.
        member this.Fate(case: int[]) : Fate =
            let applied = this.Applied case
            let asked = loader.Case
            let sender = asked.Event.Sender

            let joined =
                Draft.toPdu version {
                    Draft.state sender "m.room.member" sender [ "membership", text "join" ] with
                        Room = asked.Event.RoomId
                }

            let state = asked.State.Add(("m.room.member", sender), joined)

            {
                Accepted =
                    AuthCase.decide rules {
                        asked with
                            State = state
                            Facts = AuthFacts.OfAccepted(Array.ofList (AuthCase.selected rules asked.Event state))
                    }
                Applied = applied
            }

    /// The lightest case with different outcomes that the row decides in every version that has it, or else in one of
    /// them. If no case is light enough, a case that another clause decides.
    let shows (a: RoomVersion) (b: RoomVersion) (row: string) : ShownCase option =
        let first, second = Judge a, Judge b
        let world = RedactingWorld.world

        let has (version: RoomVersion) =
            Rule.all version.Handling |> List.exists (fun rule -> Rule.name rule = row)

        let inBoth (x: Decision) (y: Decision) =
            (Clauses.within row x || not (has a)) && (Clauses.within row y || not (has b))

        let inEither (x: Decision) (y: Decision) =
            Clauses.within row x || Clauses.within row y

        // Where servers choose event ids, the ids contain a domain; hashes say nothing about an event's server.
        let isUsual =
            if List.exists (fun (v: RoomVersion) -> v.Settings.EventIds = EventIdForm.Assigned) [ a; b ] then
                first.IsNamedByItsServer
            else
                fun _ -> true

        let lightest (decides: Decision -> Decision -> bool) (limit: int) (differ: Fate -> Fate -> bool) =
            Enumeration.smallest [ world ] [ a; b ] limit (fun _ case ->
                isUsual case
                && decides (first.Applied case) (second.Applied case)
                && differ (first.Fate case) (second.Fate case))
            |> Option.map snd

        let outcomes (x: Fate) (y: Fate) = x.Outcome <> y.Outcome

        // The rules of handling are not evaluated for redactions that both reject.
        let reasons (x: Fate) (y: Fate) =
            x.Accepted.IsOk && x.Applied.Clause <> y.Applied.Clause

        [ inBoth; inEither ]
        |> List.tryPick (fun decides ->
            lightest decides heaviest (fun x y -> outcomes x y || reasons x y)
            |> Option.map (fun case ->
                lightest decides (World.weight world case + 2) outcomes
                |> Option.defaultValue case))
        |> Option.map (fun case ->
            ShownCase.InWords(
                World.describe world case |> String.concat "; ",
                (first.Fate case).Words,
                (second.Fate case).Words
            ))
