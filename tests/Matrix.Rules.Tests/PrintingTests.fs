/// Printed tables, and printed differences between two versions.
module Matrix.Rules.Tests.PrintingTests

open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Rules.Tests.Check

let private versions = Versions.withUnstable

let private rows (version: RoomVersion) : Row list =
    Areas.all |> List.collect (Rows.ofArea version)

/// Every condition in a version's tables, and every part of one.
let private conditions (version: RoomVersion) : Condition list =
    List.collect
        Condition.all
        (List.collect Rule.conditions (Rule.all version.Authorization)
         @ (version.Selections |> List.map _.When))

/// A condition without meaningless nesting and double negation.
let rec private plain (c: Condition) : Condition =
    match c with
    | Condition.Not inner ->
        match plain inner with
        | Condition.Not innermost -> innermost
        | Condition.And parts -> Condition.Or(parts |> List.map (Condition.Not >> plain))
        | Condition.Or parts -> Condition.And(parts |> List.map (Condition.Not >> plain))
        | other -> Condition.Not other
    | Condition.And [ one ]
    | Condition.Or [ one ] -> plain one
    | Condition.And parts -> Condition.And(parts |> List.map plain)
    | Condition.Or parts -> Condition.Or(parts |> List.map plain)
    | other -> other

let private proposals (version: RoomVersion) (area: Area) (id: string) =
    Lineage.amendments version area
    |> Map.tryFind id
    |> Option.defaultValue []
    |> List.map _.Msc

/// A private version with one amendment.
let private amended (parent: RoomVersion) (changes: Change list) : RoomVersion =
    Flatten.amend parent {
        Id = "org.example.amended"
        Parent = parent.Id
        Stability = Stability.Unstable
        Amendments = [
            {
                Msc = "MSC0"
                Title = ""
                Why = ""
                Touches = []
                Changes = changes
            }
        ]
        Misprints = []
    }

let private changes (a: RoomVersion) (b: RoomVersion) = [
    for d in (Difference.between Areas.all a b).Areas do
        for c in d.Changes -> Areas.name d.Area, Prose.kind c, (RowChanges.row c).Id
]

let private edited (edit: Edit) = {
    Versions.v12 with
        Authorization = Rule.edit edit Versions.v12.Authorization
}

let tests =
    testList "PrintingTests" [
        testList "Every row has a name of its own, a text and a link" [
            for version in versions do
                test version.Id {
                    let rows = rows version

                    rows |> List.countBy _.Id |> List.filter (fun (_, n) -> n > 1) |> equal []

                    for row in rows do
                        if row.Text = "" || row.Link = "" then
                            failtest $"{row.Id} of version {version.Id} has no text or no link"
                }
        ]

        testList "The authorization rules are printed with the positions and numbers that the table has" [
            for version in versions do
                test version.Id {
                    Rows.ofArea version Area.Authorization
                    |> List.map (fun r -> r.Id, r.At, r.Number, r.Text)
                    |> equal (Flatten.numbered version |> List.map (fun i -> i.Name, i.At, i.Number, i.Text))
                }
        ]

        test "Tables are shared as often as the specification's pages share them" {
            Family.sharedTables Versions.all
            |> List.map (fun t -> t.Name, t.Groups.Length)
            |> equal [ "auth", 8; "redaction", 5; "state", 3; "ids", 3; "format", 5; "selection", 3 ]
        }

        test "Conditions that read the same are equal" {
            Versions.withUnstable
            |> List.collect conditions
            |> List.map plain
            |> List.distinct
            |> List.groupBy Words.condition
            |> List.filter (fun (_, same) -> same.Length > 1)
            |> equal []
        }

        test "A negation reads as the opposite" {
            let joined =
                Condition.MembershipIn(User.Sender, [ Membership.Join; Membership.Invite ])

            Words.condition joined |> equal "the membership of the sender is join or invite"

            Words.condition (Condition.Not joined)
            |> equal "the membership of the sender is neither join nor invite"

            Condition.Not(Condition.And [ Condition.HasStateKey; Condition.Or [ Condition.HasPrevEvents; joined ] ])
            |> Words.condition
            |> equal
                "there is no state key or (there are no previous events and the membership of the sender is neither \
                 join nor invite)"
        }

        test "A row names the proposals that formed it, the newest last" {
            proposals Versions.v12 Area.Authorization "member.join.restricted"
            |> equal [ "MSC3083"; "MSC3787" ]

            proposals Versions.v9 Area.Authorization "member.join.restricted"
            |> equal [ "MSC3083" ]

            proposals Versions.v12 Area.Identifiers "ids.event"
            |> equal [ "MSC1659"; "MSC1884" ]

            proposals Versions.v12 Area.Redaction "kept.m.room.member"
            |> equal [ "MSC3375"; "MSC3821" ]

            proposals Versions.v12 Area.Limits "limits.depth" |> equal [ "MSC2540" ]
            proposals Versions.v12 Area.Authorization "member.ban" |> equal []
        }

        test "The row about redactions follows the amendment that changes them, whatever its rules' names" {
            let freed = amended Versions.v2 [ Change.Authorization(Edit.Remove "redaction") ]

            proposals freed Area.Redaction "redaction.applied" |> equal [ "MSC0" ]

            let renamed =
                let rule =
                    scope "of-redactions" "" (Condition.TypeIs "m.room.redaction") [
                        otherwise "of-redactions.otherwise" Outcome.Allow
                    ]

                amended Versions.v2 [ Change.Authorization(Edit.Replace("redaction", rule)) ]

            proposals renamed Area.Redaction "redaction.applied" |> equal []
        }

        test "Rules that handle redactions are printed as they are nested" {
            let nested =
                scope "of-state" "Of state:" Condition.HasStateKey [
                    iff
                        "of-state.own"
                        "One's own."
                        Condition.Always
                        (Condition.SameUser(User.Sender, User.RedactedSender))
                        Reason.SenderNotJoined
                ]

            let rows =
                Rows.ofArea
                    {
                        Versions.v12 with
                            Handling = nested :: Versions.v12.Handling
                    }
                    Area.Redaction

            let row id = rows |> List.find (fun r -> r.Id = id)
            (row "of-state").When |> equal "if there is a state key"
            (row "of-state.own").Depth |> equal ((row "of-state").Depth + 1)

            (row "of-state.own").Value
            |> equal "applied if the sender is the sender of the redacted event, else not applied"
        }

        testList "A version does not differ from itself" [
            for version in versions do
                test version.Id { (Difference.between Areas.all version version).Areas |> equal [] }
        ]

        test "A difference the other way round adds what was removed" {
            let turned kind =
                match kind with
                | "added" -> "removed"
                | "removed" -> "added"
                | other -> other

            let there = changes Versions.v11 Versions.v12

            changes Versions.v12 Versions.v11
            |> List.map (fun (area, kind, id) -> area, turned kind, id)
            |> set
            |> equal (set there)

            there.Length |> equal 17
        }

        test "Every row that an amendment declares is in the difference, under the amendment's name" {
            let touched (amendment: Amendment) = [
                for name in amendment.Touches do
                    match name.Split('/', 2) with
                    | [| "authorization"; id |] -> Area.Authorization, id
                    | [| "selection"; id |] -> Area.Selection, "selection." + id
                    | [| "redaction"; id |] -> Area.Redaction, "kept." + id
                    | _ -> ()
            ]

            for v in Versions.withUnstable do
                match v.Parent |> Option.bind Versions.tryFindUnstable with
                | None -> ()
                | Some parent ->
                    let difference = Difference.between Areas.all parent v

                    for amendment in v.Amendments do
                        for area, id in touched amendment do
                            let found =
                                difference.Areas
                                |> List.filter (fun d -> d.Area = area)
                                |> List.collect (fun d -> d.Amendments |> Map.tryFind id |> Option.defaultValue [])

                            if not (List.contains amendment found) then
                                failtest
                                    $"{parent.Id} to {v.Id}: the difference lacks {amendment.Msc}, which touches {id}"
        }

        test "Other words for the same condition are reported as wording only" {
            let never =
                Condition.Not(Condition.Not(Condition.SomeAuthEvent AuthEventFault.Rejected))

            changes Versions.v12 (edited (Edit.Reword("auth-events.rejected", "Not one of them was rejected.", never)))
            |> equal [ "auth", "wording only", "auth-events.rejected" ]
        }

        test "The same words for another condition are reported as a change" {
            let text =
                Versions.v12.Authorization
                |> Rule.all
                |> List.find (fun r -> Rule.name r = "auth-events.rejected")
                |> Rule.head
                |> _.Text

            changes
                Versions.v12
                (edited (Edit.Reword("auth-events.rejected", text, Condition.SomeAuthEvent AuthEventFault.Elsewhere)))
            |> equal [ "auth", "changed", "auth-events.rejected" ]
        }

        test "A rule at another position is reported as moved" {
            let ban =
                Versions.v12.Authorization
                |> Rule.all
                |> List.find (fun r -> Rule.name r = "member.join.banned")

            let moved = {
                Versions.v12 with
                    Authorization =
                        Versions.v12.Authorization
                        |> Rule.edit (Edit.Remove "member.join.banned")
                        |> Rule.edit (Edit.InsertBefore("member.join.first", ban))
            }

            changes Versions.v12 moved |> equal [ "auth", "moved", "member.join.banned" ]
        }

        test "Text is broken between words, and none is lost" {
            let text = "one two three four five six"
            let lines = Prose.wrap 9 text
            lines |> equal [ "one two"; "three"; "four five"; "six" ]
            lines |> String.concat " " |> equal text
        }
    ]
