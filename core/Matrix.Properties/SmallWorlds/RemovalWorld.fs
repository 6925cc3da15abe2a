/// Leaves, kicks, bans and unbans. Authorization rules, "m.room.member" with membership `leave` or `ban`.
[<RequireQualifiedAccess>]
module Matrix.Properties.SmallWorlds.RemovalWorld

open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds.Universe

/// Leaves and bans of every user by every user.
let world: World =
    let w =
        WorldBuilder(
            "removals",
            "Leaves and bans of every user by every user, with every membership of both, and every power of both \
             around the kick and ban levels."
        )

    w.Memberships [ "leave"; "ban" ]
    let kind = w.Axis("membership", [ "", 0, "leave"; "a ban", 1, "ban" ])
    let sender = w.Who("sender", users)
    let target = w.Who("target", users)
    let create = w.Axis("create", plain :: creators)

    let isUnread user (at: CaseReader) =
        at.At sender <> user && at.At target <> user

    let ofAlice =
        w.AxisUnless("alice", memberships alice, (fun _ at -> isUnread alice at))

    let ofBob = w.AxisUnless("bob", memberships bob, (fun _ at -> isUnread bob at))

    let ofCarol =
        w.AxisUnless("carol", memberships carol, (fun _ at -> isUnread carol at))

    // A user needs no power to leave.
    let isPowerless (at: CaseReader) =
        at.At kind = "leave" && at.At sender = at.At target

    let there =
        w.AxisUnless("power levels", [ "", 0, false; "with power levels", 1, true ], (fun _ at -> isPowerless at))

    let isUnset (at: CaseReader) = not (at.At there)

    let own =
        w.AxisUnless("sender's level", around "sender has", (fun _ at -> isUnset at))

    let others =
        w.AxisUnless("target's level", around "target has", (fun _ at -> isUnset at || at.At sender = at.At target))

    let byDefault =
        w.AxisUnless("users_default", around "users_default", (fun _ at -> isUnset at))

    let ban = w.AxisUnless("ban", around "ban needs", (fun _ at -> isUnset at))

    let kick =
        w.AxisUnless("kick", around "kick needs", (fun _ at -> isUnset at || at.At kind = "ban"))

    w.State(Slot.Create, [ create ], (fun version at -> createOf version (at.At create)))
    w.State(Slot.Alice, [ ofAlice ], (fun _ at -> memberOf alice (at.At ofAlice)))
    w.State(Slot.Bob, [ ofBob ], (fun _ at -> memberOf bob (at.At ofBob)))
    w.State(Slot.Carol, [ ofCarol ], (fun _ at -> memberOf carol (at.At ofCarol)))

    w.State(
        Slot.Levels,
        [ sender; target; there; own; others; byDefault; ban; kick ],
        fun _ at ->
            if at.At there then
                let users =
                    if at.At sender = at.At target then
                        [ at.At sender, at.At own ]
                    else
                        [ at.At sender, at.At own; at.At target, at.At others ]

                levelsOf [
                    "users", group users
                    "users_default", at.At byDefault
                    "ban", at.At ban
                    "kick", at.At kick
                ]
            else
                None
    )

    w.Asks(
        [ kind; sender; target ],
        fun version at ->
            question
                version
                (Draft.state (at.At sender) "m.room.member" (at.At target) [ "membership", text (at.At kind) ])
    )
