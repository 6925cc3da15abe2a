/// The universe of the small worlds: three users on two servers, and one room, which @alice:one creates.
module Matrix.Properties.SmallWorlds.Universe

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Json
open Matrix.Properties.Generators

/// The user who creates the room.
let alice = "@alice:one"

/// A user on the same server.
let bob = "@bob:one"

/// A user on another server.
let carol = "@carol:two"

/// All users.
let users = [ alice; bob; carol ]

/// The identifier of the room's create event.
let createId = "$create"

/// The token of the room's third-party invitation.
let token = "token"

/// A user's name in reports.
let nameOf (user: string) : string = user.Substring(1, user.IndexOf ':' - 1)

/// The server of a user.
let serverOf (user: string) : string = user.Substring(user.IndexOf ':' + 1)

/// The same user after @bob:one and @carol:two are swapped.
let swapped (user: string) : string =
    if user = bob then carol
    elif user = carol then bob
    else user

/// A member of an object, or none.
type Member = Json option

/// The members that are present.
let members (all: (string * Member) list) : (string * Json) list =
    all
    |> List.choose (fun (key, value) -> value |> Option.map (fun json -> key, json))

/// `members` as an object value; none if no member is present.
let group (all: (string * Member) list) : Member =
    match members all with
    | [] -> None
    | some -> Some(nested some)

/// The memberships of a user, as choices of an axis. Joined is the first.
let memberships (user: string) : (string * int * Membership) list =
    let name = nameOf user

    [
        "", 1, Membership.Join
        $"{name} is not there", 0, Membership.Absent
        $"{name} is invited", 2, Membership.Invite
        $"{name} left", 2, Membership.Leave
        $"{name} is banned", 2, Membership.Ban
        $"{name} knocked", 2, Membership.Knock
    ]

/// A member event with this membership; none if absent.
let memberOf (user: string) (membership: Membership) : Draft option =
    match Spelling.ofMembership membership with
    | null -> None
    | word ->
        Some {
            Draft.state user "m.room.member" user [ "membership", text word ] with
                Id = $"$member-{nameOf user}"
        }

/// The content of a room's join rules event, if there is one.
type Rule =
    | NoEvent
    | Says of Member

/// Every join rule, and malformed ones.
let joinRules: (string * int * Rule) list = [
    "", 1, Says(Some(text "public"))
    "no join rules", 0, NoEvent
    "join rule invite", 2, Says(Some(text "invite"))
    "join rule knock", 2, Says(Some(text "knock"))
    "join rule restricted", 2, Says(Some(text "restricted"))
    "join rule knock_restricted", 2, Says(Some(text "knock_restricted"))
    "join rule private", 2, Says(Some(text "private"))
    "join rule unheard-of", 3, Says(Some(text "other"))
    "join rule of another type", 3, Says(Some(number 1))
    "join rules without a rule", 3, Says None
]

/// The join rules event.
let joinRulesOf (rule: Rule) : Draft option =
    match rule with
    | NoEvent -> None
    | Says rule ->
        Some {
            Draft.state alice "m.room.join_rules" "" (members [ "join_rule", rule ]) with
                Id = "$rules"
        }

/// A level, described by its number.
let private level (n: int) : string * Member = string n, Some(number n)

/// An entry of a power levels event as choices: missing, below, at or above 50, which is the default of most
/// thresholds.
let around (name: string) : (string * int * Member) list = [
    yield "", 0, None

    for words, value in [ level 49; level 50; level 51 ] do
        yield $"{name} {words}", 1, value
]

/// As `around`, with values that only some versions read as levels.
let aroundAndOdd (name: string) : (string * int * Member) list =
    around name
    @ [
        $"{name} \"50\"", 2, Some(text "50")
        $"{name} 50.9", 2, Some(Json.Float 50.9)
        $"{name} no level", 2, Some(text "x")
    ]

/// A power levels event with this content.
let levelsOf (content: (string * Member) list) : Draft option =
    Some {
        Draft.state alice "m.room.power_levels" "" (members content) with
            Id = "$levels"
    }

/// The content of a create event besides the room version.
type Creation = {
    Federate: Member
    Creator: Member
    Additional: Member
}

/// The content of an ordinary create event.
let ordinary = {
    Federate = None
    Creator = Some(text alice)
    Additional = None
}

let private listed (users: string list) : Member =
    Some(Json.Array [| for user in users -> text user |])

/// The ordinary create event of the room.
let plain: string * int * Creation option = "", 1, Some ordinary

/// A room without a create event.
let uncreated: string * int * Creation option = "no create event", 1, None

/// Create events with other creators.
let creators: (string * int * Creation option) list = [
    "creator is bob",
    2,
    Some {
        ordinary with
            Creator = Some(text bob)
    }
    "no creator", 2, Some { ordinary with Creator = None }
    "bob is an additional creator",
    2,
    Some {
        ordinary with
            Additional = listed [ bob ]
    }
    "carol and bob are additional creators",
    3,
    Some {
        ordinary with
            Additional = listed [ carol; bob ]
    }
]

/// Create events that close the room to other servers, and some that do not quite.
let federations: (string * int * Creation option) list = [
    "m.federate is false",
    2,
    Some {
        ordinary with
            Federate = Some(Json.Bool false)
    }
    "m.federate is true",
    2,
    Some {
        ordinary with
            Federate = Some(Json.Bool true)
    }
    "m.federate is \"false\"",
    2,
    Some {
        ordinary with
            Federate = Some(text "false")
    }
]

/// The create event of the room.
let createOf (version: RoomVersion) (creation: Creation option) : Draft option =
    creation
    |> Option.map (fun creation -> {
        Draft.state
            alice
            "m.room.create"
            ""
            (members [
                "room_version", Some(text version.Id)
                "m.federate", creation.Federate
                "creator", creation.Creator
                "additional_creators", creation.Additional
            ]) with
            Id = createId
            Prev = []
    })

/// Whether the version's page knows `join_authorised_via_users_server`.
let hasAuthorisingUser: RoomVersion -> bool = since 8

/// Whether servers choose event ids.
let assignsIds (version: RoomVersion) : bool =
    version.Settings.EventIds = EventIdForm.Assigned

/// The domain of the event id, where servers choose it: that of the sender's server or of another.
let idServers: (string * int * bool) list = [ "", 0, false; "event_id of the other server", 1, true ]

/// The event in question, with a previous event.
let questionOf (version: RoomVersion) (isOther: bool) (draft: Draft) : Draft = {
    draft with
        Id =
            if not (assignsIds version) then
                "$event"
            elif draft.Sender.EndsWith(":one", System.StringComparison.Ordinal) = isOther then
                "$event:two"
            else
                "$event:one"
        Room = Draft.roomOf version createId
}

/// As `questionOf`, with an event id of the sender's server.
let question (version: RoomVersion) (draft: Draft) : Draft = questionOf version false draft

/// The servers that sign an ordinary event.
let wellCited: string[] = [| "one"; "two" |]
