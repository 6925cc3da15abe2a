/// Knocks, unknown memberships, and incomplete member events. Authorization rules, "m.room.member".
[<RequireQualifiedAccess>]
module Matrix.Properties.SmallWorlds.MemberWorld

open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds.Universe

/// Member events of every membership, complete and incomplete.
let world: World =
    let w =
        WorldBuilder(
            "memberships",
            "Member events of every membership and of none, with and without a state key, of every user by every \
             user, under every join rule."
        )

    w.Memberships [ "knock"; "join"; "invite"; "leave"; "ban"; "" ]

    let membership =
        w.Axis(
            "membership",
            [
                yield "", 0, Some(text "knock")

                for word in [ "join"; "invite"; "leave"; "ban" ] do
                    yield $"membership {word}", 1, Some(text word)

                yield "membership unheard-of", 1, Some(text "absent")
                yield "membership of another type", 1, Some(Json.Array [||])
                yield "no membership", 1, None
            ]
        )

    let hasKey = w.Axis("state key", [ "", 0, true; "no state key", 1, false ])

    let authorised =
        w.Axis(
            "authorising user",
            [
                "", 0, None
                "authorised by bob", 1, Some bob
                "authorised by carol", 1, Some carol
            ]
        )

    let sender = w.Who("sender", users)

    // The server of the sender always signs.
    let signers =
        w.AxisUnless(
            "signatures",
            [
                "", 0, (fun _ -> wellCited)
                "signed by the sender's server only", 1, (fun sender -> [| serverOf sender |])
            ],
            fun version at ->
                match at.At authorised with
                | Some user -> serverOf user = serverOf (at.At sender) || not (hasAuthorisingUser version)
                | None -> true
        )

    let target = w.Who("target", users)
    let create = w.Axis("create", [ plain; uncreated ])
    let rule = w.Axis("join rules", joinRules)

    let isUnread user (at: CaseReader) =
        at.At sender <> user && at.At target <> user && at.At authorised <> Some user

    let ofAlice =
        w.AxisUnless("alice", memberships alice, (fun _ at -> isUnread alice at))

    let ofBob = w.AxisUnless("bob", memberships bob, (fun _ at -> isUnread bob at))

    let ofCarol =
        w.AxisUnless("carol", memberships carol, (fun _ at -> isUnread carol at))

    w.State(Slot.Create, [ create ], (fun version at -> createOf version (at.At create)))
    w.State(Slot.JoinRules, [ rule ], (fun _ at -> joinRulesOf (at.At rule)))
    w.State(Slot.Alice, [ ofAlice ], (fun _ at -> memberOf alice (at.At ofAlice)))
    w.State(Slot.Bob, [ ofBob ], (fun _ at -> memberOf bob (at.At ofBob)))
    w.State(Slot.Carol, [ ofCarol ], (fun _ at -> memberOf carol (at.At ofCarol)))

    w.Facts(
        [ sender; signers ],
        fun _ at -> {
            Citing = Citing.AsSelected
            Signers = at.At signers (at.At sender)
            ThirdPartyKeys = [||]
            HasRoomId = false
        }
    )

    w.Asks(
        [ membership; hasKey; authorised; sender; target ],
        fun version at ->
            let content =
                members [
                    "membership", at.At membership
                    "join_authorised_via_users_server", at.At authorised |> Option.map text
                ]

            let draft =
                question version (Draft.state (at.At sender) "m.room.member" (at.At target) content)

            if at.At hasKey then
                draft
            else
                { draft with StateKey = None }
    )
