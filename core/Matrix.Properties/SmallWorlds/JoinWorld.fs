/// Joins. Authorization rules, "m.room.member" with membership `join`.
[<RequireQualifiedAccess>]
module Matrix.Properties.SmallWorlds.JoinWorld

open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds.Universe

/// The authorising user of a join.
type private Authorising =
    | Nobody
    | A of user: string
    | NoUser of Json

    member this.IsUser user = this = A user

/// Joins by everyone under every join rule, with every authorising user.
let world: World =
    let w =
        WorldBuilder(
            "joins",
            "Joins by everyone under every join rule: first events and later ones, by invited, banned and absent \
             users, authorised by each of the other users with every power around the invite level, signed and \
             unsigned."
        )

    w.Memberships [ "join" ]
    let sender = w.Who("sender", users)
    let target = w.Who("target", users)

    let prev =
        w.Axis(
            "prev_events",
            [
                "", 0, [ "$last" ]
                "right after the create event", 1, [ createId ]
                "after the create event and another", 1, [ createId; "$last" ]
                "after nothing", 1, []
            ]
        )

    let create = w.Axis("create", plain :: uncreated :: creators)

    let authorising =
        w.AxisUnless(
            "authorising user",
            [
                yield "", 0, Nobody

                for user in users do
                    yield $"authorised by {nameOf user}", 1, A user

                yield "authorised by what is no user id", 1, NoUser(text "bob")
                yield "authorised by what is no text", 1, NoUser(number 1)
            ],
            fun version _ -> not (hasAuthorisingUser version)
        )

    let isAuthorised (at: CaseReader) =
        match at.At authorising with
        | A _ -> true
        | _ -> false

    // The server of the sender always signs.
    let signers =
        w.AxisUnless(
            "signatures",
            [
                "", 0, (fun _ -> [| "one"; "two" |])
                "signed by the sender's server only", 1, (fun sender -> [| serverOf sender |])
            ],
            fun _ at ->
                match at.At authorising with
                | A user -> serverOf user = serverOf (at.At sender)
                | _ -> true
        )

    // A join of another user is decided by its previous events alone.
    let isOther (at: CaseReader) = at.At sender <> at.At target

    let rule = w.AxisUnless("join rules", joinRules, (fun _ at -> isOther at))

    let isUnread user (at: CaseReader) =
        at.At sender <> user
        && at.At target <> user
        && not ((at.At authorising).IsUser user)

    let ofAlice =
        w.AxisUnless("alice", memberships alice, (fun _ at -> isUnread alice at))

    let ofBob = w.AxisUnless("bob", memberships bob, (fun _ at -> isUnread bob at))

    let ofCarol =
        w.AxisUnless("carol", memberships carol, (fun _ at -> isUnread carol at))

    let isPowerless (at: CaseReader) =
        isOther at
        || not (isAuthorised at)
        || (match at.At rule with
            | Says(Some(Json.String("restricted" | "knock_restricted"))) -> false
            | _ -> true)

    let there =
        w.AxisUnless("power levels", [ "", 0, false; "with power levels", 1, true ], (fun _ at -> isPowerless at))

    let isUnset (at: CaseReader) = not (at.At there)

    let own =
        w.AxisUnless("authorising user's level", around "authorising user has", (fun _ at -> isUnset at))

    let byDefault =
        w.AxisUnless("users_default", around "users_default", (fun _ at -> isUnset at))

    let invite = w.AxisUnless("invite", around "invite needs", (fun _ at -> isUnset at))

    w.State(Slot.Create, [ create ], (fun version at -> createOf version (at.At create)))
    w.State(Slot.JoinRules, [ rule ], (fun _ at -> joinRulesOf (at.At rule)))
    w.State(Slot.Alice, [ ofAlice ], (fun _ at -> memberOf alice (at.At ofAlice)))
    w.State(Slot.Bob, [ ofBob ], (fun _ at -> memberOf bob (at.At ofBob)))
    w.State(Slot.Carol, [ ofCarol ], (fun _ at -> memberOf carol (at.At ofCarol)))

    w.State(
        Slot.Levels,
        [ authorising; there; own; byDefault; invite ],
        fun _ at ->
            match at.At there, at.At authorising with
            | true, A user ->
                levelsOf [
                    "users", group [ user, at.At own ]
                    "users_default", at.At byDefault
                    "invite", at.At invite
                ]
            | _ -> None
    )

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
        [ sender; target; prev; authorising ],
        fun version at ->
            let content =
                members [
                    "membership", Some(text "join")
                    "join_authorised_via_users_server",
                    (match at.At authorising with
                     | Nobody -> None
                     | A user -> Some(text user)
                     | NoUser json -> Some json)
                ]

            {
                question version (Draft.state (at.At sender) "m.room.member" (at.At target) content) with
                    Prev = at.At prev
            }
    )
