namespace Matrix.Properties.Mutation

open Matrix.Rules

/// The reviewed list of mutants that no case distinguishes. A mutant that nothing distinguishes and that is not listed
/// is a finding; so is a listed mutant that something distinguishes.
[<RequireQualifiedAccess>]
module Equivalents =

    let private rule name mutations reason = {
        Subject = Subject.Authorization
        Rule = name
        Mutations = mutations
        Versions = []
        Reason = reason
    }

    let private selection name mutations reason = {
        rule name mutations reason with
            Subject = Subject.Selection
    }

    let private next = [ "after the next" ]

    let private ofOneKind =
        "an event is of one kind, and the two rules are about different kinds"

    let private self =
        "an earlier rule rejects senders other than the target, so sender and target are the same"

    let private absent =
        "an added entry has no value before and a removed one none after, and every comparison with a missing value \
         is false"

    let private letInLater =
        "where the join rule is restricted, a later rule allows joins of invited and joined users"

    let private decidedBefore =
        "where the join rule is restricted, an earlier rule decides every join"

    let private entriesBefore =
        "power-levels.entries-after has already rejected everything that the rule would reject there"

    let private levelOrNot =
        "a new value above the sender's power is a level, and the next rule rejects only values that are not levels"

    let private between (first: int) (last: int) (e: Equivalent) = {
        e with
            Versions = [ for n in first..last -> string n ]
    }

    let private since (first: int) = between first 12
    let private until (last: int) = between 1 last

    let private ofHandling (e: Equivalent) = { e with Subject = Subject.Handling }

    let private ofTables: Equivalent list = [
        rule
            "federate"
            [ "OfRoomId for Of CreateSender" ]
            "auth-events.create and auth-events.elsewhere require the room of the create event, and create.server \
             requires that room's id to have the server of its sender"
        |> until 11
        rule "power-levels.settings.after" next levelOrNot |> until 9
        rule "power-levels.entries-after.too-high" next levelOrNot |> until 9
        rule "aliases" next ofOneKind
        rule "member.join" next ofOneKind
        rule "member.invite" next ofOneKind
        rule "member.leave" next ofOneKind
        rule "member.ban" next ofOneKind |> since 7
        rule "power-levels" next ofOneKind |> until 2
        rule "member.join.banned" [ "StateKey for Sender" ] self
        rule "member.join.banned" next "the next rule allows invited and joined users, and a banned user is neither"
        rule "member.join.invited" [ "also Public" ] "where the join rule is public, a later rule allows every join"
        rule "member.join.invited" [ "also Restricted" ] letInLater |> since 8
        rule "member.join.invited" [ "also KnockRestricted" ] letInLater |> since 10
        rule "member.join.invited" [ "StateKey for Sender" ] self
        rule "member.join.invited" [ "also Ban" ] "banned users are rejected before"
        rule "member.join.invited" next "a room has one join rule, and the two rules are about different ones"
        rule
            "member.leave.self"
            [ "holds: StateKey for Sender" ]
            "the rule applies only where sender and target are the same"
        rule "member.knock.membership" [ "StateKey for Sender" ] self
        rule "member.join.restricted" next "a room has one join rule, and the two rules are about different ones"
        rule "member.join.restricted.invited" [ "StateKey for Sender" ] self
        rule "member.join.restricted.invited" [ "also Ban" ] "banned users are rejected before"
        rule "member.join.public" [ "also Restricted" ] decidedBefore |> since 8
        rule "member.join.public" [ "also KnockRestricted" ] decidedBefore |> since 10
        rule "power-levels.entries-before" [ "also Added" ] absent
        rule "power-levels.entries-after" [ "also Removed" ] absent
        rule "power-levels.users-before" [ "also Added" ] absent
        rule "power-levels.users-after" [ "also Removed" ] absent
        rule "power-levels.users-after" [ "also events" ] entriesBefore
        rule "power-levels.users-after" [ "also notifications" ] entriesBefore
        |> since 6
        rule
            "power-levels.otherwise"
            [ "dropped" ]
            "no rule between this one and the last decides power levels events, and the last allows too"
        rule "redaction.power" next "both rules allow"
        selection
            "third-party-invite"
            [ "without ContentHas" ]
            "the condition already requires the key of the selected event: without it nothing is selected"
        selection
            "authorising-user"
            [ "without ContentHas" ]
            "the condition already requires the key of the selected event: without it nothing is selected"
        rule "redaction.applied.power" next "both rules allow" |> ofHandling |> since 3
        rule "redaction.asked.own" next "both rules allow" |> ofHandling
        {
            rule "top-level" [ "drops content" ] "content is always kept; the type's row lists its kept members" with
                Subject = Subject.Redaction
        }
    ]

    /// All of them.
    let all: Equivalent list = ofTables @ ResolutionEquivalents.all

    let private begins (mutation: string) (named: string) =
        mutation.StartsWith(named, System.StringComparison.Ordinal)

    let private isOf (version: RoomVersion) (subject: Subject) (rule: string) (e: Equivalent) : bool =
        e.Subject = subject
        && e.Rule = rule
        && (e.Versions.IsEmpty
            || List.contains version.Id e.Versions
            // An unstable version differs from one of these in little.
            || (version.Stability = Stability.Unstable
                && version.Parent |> Option.exists (fun parent -> List.contains parent e.Versions)))

    /// Why a change of a rule of a version makes no difference, if it is listed.
    let reasonFor (listed: Equivalent list) (version: RoomVersion) subject rule (mutation: string) : string option =
        listed
        |> List.tryFind (fun e -> isOf version subject rule e && List.exists (begins mutation) e.Mutations)
        |> Option.map _.Reason

    /// Why a mutant of a version makes no difference, if it is listed.
    let reasonOf (listed: Equivalent list) (version: RoomVersion) (mutant: Mutant) : string option =
        reasonFor listed version mutant.Subject mutant.Rule mutant.Mutation

    /// The listed mutations that no mutant of these versions matches any more. A mutation that is listed for some
    /// versions must occur in each of them; one that is listed for all versions, in at least one.
    let stale (listed: Equivalent list) (versions: RoomVersion list) : string list =
        let named (version: RoomVersion) =
            [
                for m in Mutants.all version -> (m.Subject, m.Rule), m.Mutation
                for m in ResolutionMutants.all version -> (Subject.StateResolution, m.Rule), m.Mutation
            ]
            |> List.groupBy fst
            |> List.map (fun (rule, mutants) -> rule, mutants |> List.map snd)
            |> Map.ofList

        let mutants = versions |> List.map (fun version -> version.Id, named version)

        [
            for e in listed do
                for mutation in e.Mutations do
                    let having = [
                        for id, mutants in mutants do
                            match mutants.TryFind(e.Subject, e.Rule) with
                            | Some mutants when mutants |> List.exists (fun m -> begins m mutation) -> id
                            | _ -> ()
                    ]

                    let name = $"{e.Subject.Word}/{e.Rule}: {mutation}"

                    if e.Versions.IsEmpty && having.IsEmpty then
                        name

                    for id in List.except having e.Versions do
                        if versions |> List.exists (fun version -> version.Id = id) then
                            $"{name} (version {id})"
        ]
