/// Rooms with a state reset: an older entry, or none, replaces an entry that nobody revoked. Each room is resolved by
/// every version of the algorithm under the same rules.
[<RequireQualifiedAccess>]
module Matrix.Properties.Scenarios.StateResets

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.StateRes
open Matrix.Properties.Generators
open Matrix.Properties.Generators.DrawnRoom

/// A room, the states that its servers hold, and the result at one entry.
type Scenario = {
    /// Dotted and stable.
    Name: string
    /// What happens, in one sentence.
    Meaning: string
    /// Where the reset was described or seen.
    Seen: string
    /// The events, in order, for a version.
    Events: RoomVersion -> Draft list
    /// The states to resolve, as ids of events.
    States: string list list
    /// The entry that is reset, or is not.
    At: string * string
    /// The result of each version of the algorithm there; none for no entry.
    Leaves: Map<StateResolutionAlgorithm, string option>
}

let private outcome first second revised =
    Map [
        StateResolutionAlgorithm.V1, first
        StateResolutionAlgorithm.V2, second
        StateResolutionAlgorithm.V2_1, revised
    ]

let private opening version = [
    create
    joins "$alice" alice [ "$create" ]
    levels "$p0" alice (creatorsLevel version) [] [ "$create"; "$alice" ]
    joinRules "$public" alice "public" [ "$create"; "$p0"; "$alice" ]
]

let private proposal = "MSC4297"

// Alice made Bob an administrator, changed the join rules and left; all servers know that she left. One state has the
// older join rules.
//
//   $create ── $alice ── $p0 ──┬── $public ── $bob
//                              └── $p1 ──┬── $invite
//                                        └── $gone
//
//   { $gone, $invite }  +  { $gone, $public }
//
/// The sender of the join rules has left.
let joinRulesOfOneWhoLeft: Scenario = {
    Name = "join-rules-of-one-who-left"
    Meaning =
        "Whoever set the join rules has left: older join rules in one state make both disappear, and the room has none."
    Seen = proposal + ", problem A; matrix-org/synapse#14481"
    Events =
        fun version ->
            opening version
            @ [
                joins "$bob" bob [ "$create"; "$p0"; "$public" ]
                levels "$p1" alice (creatorsLevel version @ [ bob, 100 ]) [] [ "$create"; "$p0"; "$alice" ]
                joinRules "$invite" alice "invite" [ "$create"; "$p1"; "$alice" ]
                leaves "$gone" alice [ "$create"; "$p1"; "$alice" ]
            ]
    States = [
        [ "$create"; "$gone"; "$p1"; "$bob"; "$invite" ]
        [ "$create"; "$gone"; "$p1"; "$bob"; "$public" ]
    ]
    At = ("m.room.join_rules", "")
    Leaves = outcome (Some "$public") None (Some "$invite")
}

// The room was closed. Bob, a moderator, opened it, Carol joined, Bob left; all servers know that he left. One state is
// older than his opening.
//
//   $create ── $alice ── $p0 ── $closed ── $invited ── $bob
//                         └── $p1 (Bob 50) ──┬── $open (by Bob) ── $carol
//                                            └── $gone (Bob)
//
//   { $gone, $open, $carol }  +  { $gone, $closed }
//
/// Members who joined under join rules that are reset.
let membersWithTheJoinRules: Scenario = {
    Name = "members-with-the-join-rules"
    Meaning =
        "When the join rules fall back to those of a closed room, members who came in while it was open \
         are in it no more."
    Seen = "matrix-org/synapse#16629, element-hq/synapse#16825"
    Events =
        fun version -> [
            create
            joins "$alice" alice [ "$create" ]
            levels "$p0" alice (creatorsLevel version) [] [ "$create"; "$alice" ]
            joinRules "$closed" alice "invite" [ "$create"; "$p0"; "$alice" ]
            membership "$invited" alice bob "invite" [ "$create"; "$p0"; "$closed"; "$alice" ]
            joins "$bob" bob [ "$create"; "$p0"; "$closed"; "$invited" ]
            levels "$p1" alice (creatorsLevel version @ [ bob, 50 ]) [] [ "$create"; "$p0"; "$alice" ]
            joinRules "$open" bob "public" [ "$create"; "$p1"; "$bob" ]
            joins "$carol" carol [ "$create"; "$p1"; "$open" ]
            leaves "$gone" bob [ "$create"; "$p1"; "$bob" ]
        ]
    States = [
        [ "$create"; "$alice"; "$p1"; "$gone"; "$open"; "$carol" ]
        [ "$create"; "$alice"; "$p1"; "$gone"; "$closed" ]
    ]
    At = ("m.room.member", carol)
    Leaves = outcome (Some "$carol") None (Some "$carol")
}

// Alice promotes Bob, Bob promotes Carol. One state has the levels from before both, though its topic names the last
// levels in `auth_events`.
//
//   $create ── $alice ── $p0 ── $p1 ── $p2 ── $topic
//
//   { $p2, $topic }  +  { $p0, $topic }
//
/// Levels set by a user whom earlier levels promoted.
let promotedByPromoted: Scenario = {
    Name = "promoted-by-promoted"
    Meaning =
        "Levels that were set by one who had just been promoted fall back to the oldest, \
         for the step between is not tried again."
    Seen = proposal + ", problem B; matrix-org/synapse#10866"
    Events =
        fun version ->
            let creator = creatorsLevel version

            opening version
            @ [
                joins "$bob" bob [ "$create"; "$p0"; "$public" ]
                joins "$carol" carol [ "$create"; "$p0"; "$public" ]
                levels "$p1" alice (creator @ [ bob, 50 ]) [] [ "$create"; "$p0"; "$alice" ]
                levels "$p2" bob (creator @ [ bob, 50; carol, 50 ]) [] [ "$create"; "$p1"; "$bob" ]
                topic "$topic" carol "ours" [ "$create"; "$p2"; "$carol" ]
            ]
    States = [
        [ "$create"; "$alice"; "$public"; "$bob"; "$carol"; "$topic"; "$p2" ]
        [ "$create"; "$alice"; "$public"; "$bob"; "$carol"; "$topic"; "$p0" ]
    ]
    At = ("m.room.power_levels", "")
    Leaves = outcome (Some "$p0") (Some "$p0") (Some "$p2")
}

// The same over three promotions. Each promoted user promotes the next.
//
//   $create ── $alice ── $p0 ── $p1 (by Alice) ── $p2 (by Bob) ── $p3 (by Carol) ── $topic (by Dave)
//
//   { $p3, $topic }  +  { $p0, $topic }
//
/// A whole team that loses its levels.
let aTeamLosesItsLevels: Scenario = {
    Name = "a-team-loses-its-levels"
    Meaning = "However many promoted each other in turn: all of it falls back to what the oldest state has."
    Seen = "matrix-org/synapse#10866, matrix-org/synapse#8629"
    Events =
        fun version ->
            let creator = creatorsLevel version
            let team = creator @ [ bob, 90 ]

            opening version
            @ [
                joins "$bob" bob [ "$create"; "$p0"; "$public" ]
                joins "$carol" carol [ "$create"; "$p0"; "$public" ]
                joins "$dave" dave [ "$create"; "$p0"; "$public" ]
                levels "$p1" alice team [] [ "$create"; "$p0"; "$alice" ]
                levels "$p2" bob (team @ [ carol, 80 ]) [] [ "$create"; "$p1"; "$bob" ]
                levels "$p3" carol (team @ [ carol, 80; dave, 70 ]) [] [ "$create"; "$p2"; "$carol" ]
                topic "$topic" dave "ours" [ "$create"; "$p3"; "$dave" ]
            ]
    States = [
        [ "$create"; "$alice"; "$public"; "$bob"; "$carol"; "$dave"; "$topic"; "$p3" ]
        [ "$create"; "$alice"; "$public"; "$bob"; "$carol"; "$dave"; "$topic"; "$p0" ]
    ]
    At = ("m.room.power_levels", "")
    Leaves = outcome (Some "$p0") (Some "$p0") (Some "$p3")
}

// Bob, a moderator, banned Carol and left; all servers know that he left. One state has her membership from before the
// ban.
//
//   $create ── $alice ── $p0 ──┬── $public ──┬── $bob ──┬── $ban (of Carol)
//                              │             └── $carol ┘
//                              └── $p1 (Bob 50) ── $gone (Bob)
//
//   { $gone, $ban }  +  { $gone, $carol }
//
/// The sender of a ban has left.
let banByOneWhoLeft: Scenario = {
    Name = "ban-by-one-who-left"
    Meaning = "A moderator bans somebody and leaves: an older membership in one state undoes the ban."
    Seen = "matrix-org/synapse#8629; the shape of " + proposal + ", problem A"
    Events =
        fun version ->
            opening version
            @ [
                joins "$bob" bob [ "$create"; "$p0"; "$public" ]
                joins "$carol" carol [ "$create"; "$p0"; "$public" ]
                levels "$p1" alice (creatorsLevel version @ [ bob, 50 ]) [] [ "$create"; "$p0"; "$alice" ]
                membership "$ban" bob carol "ban" [ "$create"; "$p1"; "$bob"; "$carol" ]
                leaves "$gone" bob [ "$create"; "$p1"; "$bob" ]
            ]
    States = [
        [ "$create"; "$alice"; "$p1"; "$public"; "$gone"; "$ban" ]
        [ "$create"; "$alice"; "$p1"; "$public"; "$gone"; "$carol" ]
    ]
    At = ("m.room.member", carol)
    Leaves = outcome (Some "$carol") (Some "$carol") (Some "$ban")
}

// Bob set the topic twice, and was then demoted; all servers know it. One state has the first topic.
//
//   $create ── $alice ── $p0 ── $p1 (Bob 50) ──┬── $topic1
//                                              ├── $topic2
//                                              └── $p2 (Bob 0)
//
//   { $p2, $topic2 }  +  { $p2, $topic1 }
//
/// A topic whose sender was demoted later.
let topicOfOneDemoted: Scenario = {
    Name = "topic-of-one-demoted"
    Meaning =
        "What somebody set before they were demoted disappears, once states differ \
         in which of their settings is the last."
    Seen = "the shape of " + proposal + ", problem A; matrix-org/synapse#8629"
    Events =
        fun version ->
            let creator = creatorsLevel version

            opening version
            @ [
                joins "$bob" bob [ "$create"; "$p0"; "$public" ]
                levels "$p1" alice (creator @ [ bob, 50 ]) [] [ "$create"; "$p0"; "$alice" ]
                topic "$topic1" bob "first" [ "$create"; "$p1"; "$bob" ]
                topic "$topic2" bob "second" [ "$create"; "$p1"; "$bob" ]
                levels "$p2" alice creator [] [ "$create"; "$p1"; "$alice" ]
            ]
    States = [
        [ "$create"; "$alice"; "$public"; "$bob"; "$p2"; "$topic2" ]
        [ "$create"; "$alice"; "$public"; "$bob"; "$p2"; "$topic1" ]
    ]
    At = ("m.room.topic", "")
    Leaves = outcome (Some "$topic1") None (Some "$topic2")
}

// Bob invited Carol, and may no longer invite; all servers know it. One state lacks the invitation.
//
//   $create ── $alice ── $p0 (Bob 50, invite 50) ──┬── $bob ── $carol (invited)
//                                                  └── $p1 (Bob 0)
//
//   { $p1, $carol }  +  { $p1 }
//
/// An invitation by a former moderator.
let invitedByFormerModerator: Scenario = {
    Name = "invited-by-former-moderator"
    Meaning = "Somebody whom a former moderator invited is in the room no more, once one state has not heard of them."
    Seen = "matrix-org/synapse#15258; the shape of " + proposal + ", problem A"
    Events =
        fun version ->
            let creator = creatorsLevel version
            let invites = [ "invite", number 50 ]

            [
                create
                joins "$alice" alice [ "$create" ]
                levels "$p0" alice (creator @ [ bob, 50 ]) invites [ "$create"; "$alice" ]
                joinRules "$public" alice "public" [ "$create"; "$p0"; "$alice" ]
                joins "$bob" bob [ "$create"; "$p0"; "$public" ]
                membership "$carol" bob carol "invite" [ "$create"; "$p0"; "$public"; "$bob" ]
                levels "$p1" alice creator invites [ "$create"; "$p0"; "$alice" ]
            ]
    States = [
        [ "$create"; "$alice"; "$p1"; "$public"; "$bob"; "$carol" ]
        [ "$create"; "$alice"; "$p1"; "$public"; "$bob" ]
    ]
    At = ("m.room.member", carol)
    Leaves = outcome (Some "$carol") None (Some "$carol")
}

// Bob left, joined again and left again. An old state, from before his return, comes back.
//
//   $create ── … ── $bob ── $left1 ── $joined ── $left2
//
//   { $left2 }  +  { $left1 }
//
/// Version 1: the older of two states wins if the event between them is in neither.
let leftTwice: Scenario = {
    Name = "left-twice"
    Meaning =
        "Version 1 goes back to the first of two departures, and from there the return between them can come back too."
    Seen = "matrix-org/synapse#1953"
    Events =
        fun version ->
            opening version
            @ [
                joins "$bob" bob [ "$create"; "$p0"; "$public" ]
                leaves "$left1" bob [ "$create"; "$p0"; "$bob" ]
                joins "$joined" bob [ "$create"; "$p0"; "$public"; "$left1" ]
                leaves "$left2" bob [ "$create"; "$p0"; "$joined" ]
            ]
    States = [
        [ "$create"; "$alice"; "$p0"; "$public"; "$left2" ]
        [ "$create"; "$alice"; "$p0"; "$public"; "$left1" ]
    ]
    At = ("m.room.member", bob)
    Leaves = outcome (Some "$left1") (Some "$left2") (Some "$left2")
}

// A server whose state returned to Bob's first leave meets one that lacks the second: Bob is in the room again.
//
//   $create ── … ── $bob ── $left1 ── $joined ── $left2
//
//   { $left1 }  +  { $joined }
//
/// Version 1: a user who left is joined again.
let joinedAgain: Scenario = {
    Name = "joined-again"
    Meaning = "After the departure was lost, a state from between brings somebody back who had left for good."
    Seen = "matrix-org/synapse#1953"
    Events = leftTwice.Events
    States = [
        [ "$create"; "$alice"; "$p0"; "$public"; "$left1" ]
        [ "$create"; "$alice"; "$p0"; "$public"; "$joined" ]
    ]
    At = ("m.room.member", bob)
    // No state has the second leave or any event of its auth chain any more, so no algorithm can know of it.
    Leaves = outcome (Some "$joined") (Some "$joined") (Some "$joined")
}

// Bob (50) banned Carol, and Alice (100) lifted the ban with an event that does not have the ban in `auth_events`. One
// state has the ban.
//
//   $create ── $alice ── $p0 ── $p1 (Bob 50) ──┬── $ban    (by Bob, of Carol)
//                                              └── $unban  (by Alice, $carol in its auth events)
//
//   { $unban }  +  { $ban }
//
/// An unban that does not have the ban in `auth_events`.
let unbanWithoutTheBan: Scenario = {
    Name = "unban-without-the-ban"
    Meaning =
        "An unban that does not cite the ban is tried before it if its sender has the greater power: the ban is back. \
         No version mends this; citing the ban does."
    Seen = "matrix-org/synapse#6520"
    Events =
        fun version ->
            opening version
            @ [
                joins "$bob" bob [ "$create"; "$p0"; "$public" ]
                joins "$carol" carol [ "$create"; "$p0"; "$public" ]
                levels "$p1" alice (creatorsLevel version @ [ bob, 50 ]) [] [ "$create"; "$p0"; "$alice" ]
                membership "$ban" bob carol "ban" [ "$create"; "$p1"; "$bob"; "$carol" ]
                membership "$unban" alice carol "leave" [ "$create"; "$p1"; "$alice"; "$carol" ]
            ]
    States = [
        [ "$create"; "$alice"; "$p1"; "$public"; "$bob"; "$unban" ]
        [ "$create"; "$alice"; "$p1"; "$public"; "$bob"; "$ban" ]
    ]
    At = ("m.room.member", carol)
    Leaves = outcome (Some "$unban") (Some "$ban") (Some "$ban")
}

// Bob, a moderator, set the topic and was removed later. One state is from before he was a moderator.
//
//   $create ── $alice ── $p0 ── $public ── $bob ── $p1 (Bob 50) ── $topic (by Bob) ── $kick (of Bob)
//
//   { $p1, $topic, $kick }  +  { $p0, $bob }
//
// The kick is a power event: it is applied in the first pass. The topic is tried in the second, against a state in
// which its sender has been removed.
//
/// A topic whose sender was removed after it.
let topicBeforeTheKick: Scenario = {
    Name = "topic-before-the-kick"
    Meaning =
        "What a moderator set before they were removed disappears once a state from before is resolved with it: the \
         first pass has the removal, and the second tries the rest after it."
    Seen = "matrix-org/matrix-spec#2447"
    Events =
        fun version ->
            opening version
            @ [
                joins "$bob" bob [ "$create"; "$p0"; "$public" ]
                levels "$p1" alice (creatorsLevel version @ [ bob, 50 ]) [] [ "$create"; "$p0"; "$alice" ]
                topic "$topic" bob "ours" [ "$create"; "$p1"; "$bob" ]
                membership "$kick" alice bob "leave" [ "$create"; "$p1"; "$alice"; "$bob" ]
            ]
    States = [
        [ "$create"; "$alice"; "$public"; "$p1"; "$topic"; "$kick" ]
        [ "$create"; "$alice"; "$public"; "$p0"; "$bob" ]
    ]
    At = ("m.room.topic", "")
    Leaves = outcome (Some "$topic") None None
}

/// All scenarios.
let all: Scenario list = [
    joinRulesOfOneWhoLeft
    membersWithTheJoinRules
    promotedByPromoted
    aTeamLosesItsLevels
    banByOneWhoLeft
    topicOfOneDemoted
    invitedByFormerModerator
    leftTwice
    joinedAgain
    unbanWithoutTheBan
    topicBeforeTheKick
]

/// A version's rules with another state resolution.
let resolvingBy (algorithm: StateResolutionAlgorithm) (version: RoomVersion) : RoomVersion = {
    version with
        Settings = {
            version.Settings with
                StateResolution = algorithm
        }
}

/// The room of a scenario in a version, and the states to resolve.
let drawn (version: RoomVersion) (scenario: Scenario) : RoomGraph * StateMap list =
    let graph = room version (scenario.Events version)
    graph, scenario.States |> List.map (stateOf graph)

/// The result at the scenario's entry in a room of that version.
let play (version: RoomVersion) (scenario: Scenario) : Result<string option, ResolutionError> =
    let rules = AuthRules version
    let graph, states = drawn version scenario

    StatesAsSource.resolve rules graph states
    |> Result.map (fun answer -> (StatesAsSource.whole states answer).TryFind scenario.At)
