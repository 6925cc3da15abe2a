/// Invitations. Authorization rules, "m.room.member" with membership `invite`.
[<RequireQualifiedAccess>]
module Matrix.Properties.SmallWorlds.InviteWorld

open Matrix.Rules
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds.Universe

/// Invitations of every user by every user.
let plain: World =
    let w =
        WorldBuilder(
            "invitations",
            "Invitations of every user by every user, with every membership of both, and every power around the \
             invite level."
        )

    w.Memberships [ "invite" ]
    let sender = w.Who("sender", users)
    let target = w.Who("target", users)
    let create = w.Axis("create", Universe.plain :: uncreated :: creators)

    let isUnread user (at: CaseReader) =
        at.At sender <> user && at.At target <> user

    let ofAlice =
        w.AxisUnless("alice", memberships alice, (fun _ at -> isUnread alice at))

    let ofBob = w.AxisUnless("bob", memberships bob, (fun _ at -> isUnread bob at))

    let ofCarol =
        w.AxisUnless("carol", memberships carol, (fun _ at -> isUnread carol at))

    let there = w.Axis("power levels", [ "", 0, false; "with power levels", 1, true ])
    let isUnset (at: CaseReader) = not (at.At there)

    let own =
        w.AxisUnless("sender's level", aroundAndOdd "sender has", (fun _ at -> isUnset at))

    let byDefault =
        w.AxisUnless("users_default", aroundAndOdd "users_default", (fun _ at -> isUnset at))

    let invite =
        w.AxisUnless("invite", aroundAndOdd "invite needs", (fun _ at -> isUnset at))

    w.State(Slot.Create, [ create ], (fun version at -> createOf version (at.At create)))
    w.State(Slot.Alice, [ ofAlice ], (fun _ at -> memberOf alice (at.At ofAlice)))
    w.State(Slot.Bob, [ ofBob ], (fun _ at -> memberOf bob (at.At ofBob)))
    w.State(Slot.Carol, [ ofCarol ], (fun _ at -> memberOf carol (at.At ofCarol)))

    w.State(
        Slot.Levels,
        [ sender; there; own; byDefault; invite ],
        fun _ at ->
            if at.At there then
                levelsOf [
                    "users", group [ at.At sender, at.At own ]
                    "users_default", at.At byDefault
                    "invite", at.At invite
                ]
            else
                None
    )

    w.Asks(
        [ sender; target ],
        fun version at ->
            question version (Draft.state (at.At sender) "m.room.member" (at.At target) [ "membership", text "invite" ])
    )

/// The `signed` part of an invitation that redeems a third-party one.
type private Signed =
    | Good
    | Shape of Json
    | Saying of mxid: Member * token: Member

/// Invitations that redeem third-party ones.
let thirdParty: World =
    let w =
        WorldBuilder(
            "third-party invitations",
            "Invitations that redeem a third-party one, in whole and in part, for the right user and another, signed \
             with each of its keys and with none."
        )

    w.Memberships [ "invite" ]
    let sender = w.Who("sender", users)
    let target = w.Who("target", [ bob; carol; alice ])

    let signed =
        w.Axis(
            "third_party_invite",
            [
                "", 0, Good
                "third_party_invite is no object", 1, Shape(text "x")
                "nothing signed", 1, Shape(nested [])
                "signed is no object", 1, Shape(nested [ "signed", number 1 ])
                "no mxid", 1, Saying(None, Some(text token))
                "no token", 1, Saying(Some(text bob), None)
                "neither mxid nor token", 2, Saying(None, None)
                "mxid is carol", 1, Saying(Some(text carol), Some(text token))
                "mxid of another type", 1, Saying(Some(number 1), Some(text token))
                "another token", 1, Saying(Some(text bob), Some(text "other"))
                "token of another type", 1, Saying(Some(text bob), Some(number 1))
            ]
        )

    let isUnread user (at: CaseReader) =
        at.At sender <> user && at.At target <> user

    let ofAlice =
        w.AxisUnless("alice", memberships alice, (fun _ at -> isUnread alice at))

    let ofBob = w.AxisUnless("bob", memberships bob, (fun _ at -> isUnread bob at))

    let ofCarol =
        w.AxisUnless("carol", memberships carol, (fun _ at -> isUnread carol at))

    let inviter =
        w.Axis(
            "third-party invitation",
            [
                "", 1, Some alice
                "no third-party invitation", 0, None
                "a third-party invitation of bob", 2, Some bob
                "a third-party invitation of carol", 2, Some carol
            ]
        )

    let hasNone (at: CaseReader) = (at.At inviter).IsNone

    let single =
        w.AxisUnless(
            "public_key",
            [
                "", 0, Some(text "key-a")
                "no public_key", 0, None
                "another public_key", 1, Some(text "key-b")
                "public_key of another type", 1, Some(number 1)
            ],
            fun _ at -> hasNone at
        )

    let listOf (items: Json list) : Member = Some(Json.Array(Array.ofList items))

    let listed =
        w.AxisUnless(
            "public_keys",
            [
                "", 0, None
                "public_keys with another key", 1, listOf [ nested [ "public_key", text "key-b" ] ]
                "public_keys with the key", 1, listOf [ nested [ "public_key", text "key-a" ] ]
                "public_keys with two keys", 2, listOf [ nested []; nested [ "public_key", text "key-c" ] ]
                "public_keys of another type", 1, Some(nested [])
                "public_keys of other types", 1, listOf [ text "key-a"; number 1 ]
            ],
            fun _ at -> hasNone at
        )

    let keys =
        w.AxisUnless(
            "signature",
            [
                "", 0, [| "key-a" |]
                "not signed", 1, [||]
                "signed with another key", 1, [| "key-b" |]
                "signed with two keys", 1, [| "key-x"; "key-c" |]
            ],
            fun _ at -> hasNone at
        )

    let power =
        w.AxisUnless("power levels", [ "", 0, false; "invite needs 51", 1, true ], (fun _ at -> at.At signed <> Good))

    w.State(
        Slot.Levels,
        [ power ],
        fun _ at ->
            if at.At power then
                levelsOf [ "invite", Some(number 51) ]
            else
                None
    )

    w.State(Slot.Create, [], (fun version _ -> createOf version (Some ordinary)))
    w.State(Slot.Alice, [ ofAlice ], (fun _ at -> memberOf alice (at.At ofAlice)))
    w.State(Slot.Bob, [ ofBob ], (fun _ at -> memberOf bob (at.At ofBob)))
    w.State(Slot.Carol, [ ofCarol ], (fun _ at -> memberOf carol (at.At ofCarol)))

    w.State(
        Slot.Invitation,
        [ inviter; single; listed ],
        fun _ at ->
            at.At inviter
            |> Option.map (fun inviter ->
                Draft.state
                    inviter
                    "m.room.third_party_invite"
                    token
                    (members [ "public_key", at.At single; "public_keys", at.At listed ]))
    )

    w.Facts(
        [ keys ],
        fun _ at -> {
            Citing = Citing.AsSelected
            Signers = wellCited
            ThirdPartyKeys = at.At keys
            HasRoomId = false
        }
    )

    w.Asks(
        [ sender; target; signed ],
        fun version at ->
            let target = at.At target

            let answer =
                match at.At signed with
                | Good -> nested [ "signed", nested [ "mxid", text target; "token", text token ] ]
                | Shape json -> json
                | Saying(mxid, token) -> nested [ "signed", nested (members [ "mxid", mxid; "token", token ]) ]

            question
                version
                (Draft.state (at.At sender) "m.room.member" target [
                    "membership", text "invite"
                    "third_party_invite", answer
                ])
    )
