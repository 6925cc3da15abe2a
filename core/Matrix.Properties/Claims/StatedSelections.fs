namespace Matrix.Properties.Claims

/// The state key of a selected event.
[<RequireQualifiedAccess>]
type StatedKey =
    | Empty
    | Sender
    | Target
    | AuthorisingUser
    /// `third_party_invite.signed.token`.
    | Token

/// The events that have to name a selected event.
[<RequireQualifiedAccess>]
type StatedEvents =
    | Every
    | MemberEvents
    /// Member events with one of these memberships, and with this member of the content unless it is "".
    | MemberEventsOf of memberships: string list * withMember: string

/// A row of the auth events selection as the specification's page says it.
type StatedSelection = {
    Type: string
    Key: StatedKey
    Of: StatedEvents
    /// The first and the last version that has it.
    Since: int
    Until: int
}

/// The auth events selection by the version's number. Nothing here reads a table or a setting.
/// v1.19 server-server-api#auth-events-selection
[<RequireQualifiedAccess>]
module StatedSelections =

    /// Stands for the last version, if there is none yet.
    [<Literal>]
    let Newest = System.Int32.MaxValue

    let private row eventType key of' = {
        Type = eventType
        Key = key
        Of = of'
        Since = 1
        Until = Newest
    }

    let private all: StatedSelection list = [
        {
            row "m.room.create" StatedKey.Empty StatedEvents.Every with
                Until = 11
        }
        row "m.room.power_levels" StatedKey.Empty StatedEvents.Every
        row "m.room.member" StatedKey.Sender StatedEvents.Every
        row "m.room.member" StatedKey.Target StatedEvents.MemberEvents
        row "m.room.join_rules" StatedKey.Empty (StatedEvents.MemberEventsOf([ "join"; "invite"; "knock" ], ""))
        row
            "m.room.third_party_invite"
            StatedKey.Token
            (StatedEvents.MemberEventsOf([ "invite" ], "third_party_invite"))
        // The feature matrix of room versions has restricted rooms since version 8.
        {
            row
                "m.room.member"
                StatedKey.AuthorisingUser
                (StatedEvents.MemberEventsOf([ "join" ], "join_authorised_via_users_server")) with
                Since = 8
        }
    ]

    /// The rows of a version.
    let of' (number: int) : StatedSelection list =
        all |> List.filter (fun row -> row.Since <= number && number <= row.Until)
