namespace Matrix.Rules.Printing

open Matrix.Rules

/// Conditions in English, made from the data, to be compared with a rule's sentence. Different conditions read
/// differently.
[<RequireQualifiedAccess>]
module Words =

    let rec private listed (join: string) (items: string list) : string =
        match items with
        | [] -> "nothing"
        | [ one ] -> one
        | [ a; b ] -> a + " " + join + " " + b
        | first :: rest -> first + ", " + listed join rest

    /// Items with "and" before the last.
    let all (items: string list) : string = listed "and" items

    /// Items with "or" before the last.
    let any (items: string list) : string = listed "or" items

    let private path (path: Path) : string = "content." + String.concat "." path

    /// A user in a rule.
    let user (user: User) : string =
        match user with
        | User.Sender -> "the sender"
        | User.StateKey -> "the state key's user"
        | User.ContentCreator -> "the creator that the create event names"
        | User.CreateSender -> "the create event's sender"
        | User.Authorising -> "the user in join_authorised_via_users_server"
        | User.ThirdPartyMxid -> "the user in third_party_invite.signed.mxid"
        | User.ThirdPartyInviter -> "the sender of the third-party invitation"
        | User.EntryKey -> "the entry's user"
        | User.StateKeyOwner -> "the state key's owner"
        | User.RedactedSender -> "the sender of the redacted event"

    /// A server in a rule.
    let server (server: Server) : string =
        match server with
        | Server.Of u -> "the server of " + user u
        | Server.OfRoomId -> "the room id's domain"
        | Server.OfEventId -> "the event id's domain"
        | Server.OfRedacts -> "the redacted event id's domain"
        | Server.InStateKey -> "the server in the state key"

    /// A level with a name of its own.
    let level (level: NamedLevel) : string =
        match level with
        | NamedLevel.Invite -> "invite"
        | NamedLevel.Kick -> "kick"
        | NamedLevel.Ban -> "ban"
        | NamedLevel.Redact -> "redact"

    /// A power in a rule.
    let power (power: Power) : string =
        match power with
        | Power.Of u -> "the power of " + user u
        | Power.Level named -> "the " + level named + " level"
        | Power.Constant level -> string level
        | Power.Required -> "the power that the event's type requires"
        | Power.Old -> "the value before"
        | Power.New -> "the value after"

    let private relation (relation: Relation) : string =
        match relation with
        | Relation.Below -> "below"
        | Relation.AtMost -> "at most"
        | Relation.AtLeast -> "at least"
        | Relation.Above -> "above"

    /// The shape of a JSON value.
    let rec shape (wanted: Shape) : string =
        match wanted with
        | Shape.False -> "false"
        | Shape.Integer -> "an integer"
        | Shape.Level PowerLevelValues.Integers -> "a level (an integer)"
        | Shape.Level PowerLevelValues.IntegersAndStrings -> "a level (an integer, or a string that holds one)"
        | Shape.Level PowerLevelValues.IntegersFloatsAndStrings ->
            "a level (an integer, a float, or a string that holds an integer)"
        | Shape.UserId -> "a user id"
        | Shape.ListOf inner -> "a list, each item " + shape inner
        | Shape.ObjectOf inner -> "an object, each value " + shape inner
        | Shape.UsersTo inner -> "an object from user ids, each value " + shape inner

    let private fault (fault: AuthEventFault) : string =
        match fault with
        | AuthEventFault.Duplicated -> "has the type and state key of another"
        | AuthEventFault.Unselected -> "is not in the auth events selection"
        | AuthEventFault.Rejected -> "was rejected"
        | AuthEventFault.Elsewhere -> "belongs to another room"

    let private keys (place: KeyPlace) : string =
        match place with
        | KeyPlace.Single -> "the key in public_key"
        | KeyPlace.Listed -> "a key in public_keys"

    let private oneOf (yes: bool) (items: string list) : string =
        match items, yes with
        | [ one ], true -> "is " + one
        | [ one ], false -> "is not " + one
        | many, true -> "is " + any many
        | many, false -> "is neither " + listed "nor" many

    let private isOrNot yes = if yes then " is " else " is not "

    // A list inside another list is in brackets. A list of one item reads as the item.
    let rec private words (nested: bool) (yes: bool) (condition: Condition) : string =
        let bracketed (text: string) =
            if nested then "(" + text + ")" else text

        match condition with
        | Condition.Not inner -> words nested (not yes) inner
        | Condition.And [] -> words nested yes Condition.Always
        | Condition.Or [] -> words nested (not yes) Condition.Always
        | Condition.And [ one ]
        | Condition.Or [ one ] -> words nested yes one
        | Condition.And parts when yes -> parts |> List.map (words true true) |> String.concat " and " |> bracketed
        | Condition.And parts -> parts |> List.map (words true false) |> String.concat " or " |> bracketed
        | Condition.Or parts when yes -> parts |> List.map (words true true) |> String.concat " or " |> bracketed
        | Condition.Or parts -> parts |> List.map (words true false) |> String.concat " and " |> bracketed
        | Condition.Always -> if yes then "always" else "never"
        | Condition.TypeIs eventType -> "the type" + isOrNot yes + eventType
        | Condition.HasStateKey ->
            if yes then
                "there is a state key"
            else
                "there is no state key"
        | Condition.StateKeyStartsWith prefix ->
            (if yes then
                 "the state key begins with "
             else
                 "no state key begins with ")
            + prefix
        | Condition.HasPrevEvents ->
            if yes then
                "there are previous events"
            else
                "there are no previous events"
        | Condition.HasRoomId -> if yes then "it has a room_id" else "it has no room_id"
        | Condition.ContentHas p -> path p + (if yes then " is there" else " is missing")
        | Condition.ContentIs(p, wanted) -> path p + isOrNot yes + shape wanted
        | Condition.MembershipIs membership -> "content.membership" + isOrNot yes + Settings.membershipWord membership
        | Condition.RoomVersionRecognised -> "content.room_version" + isOrNot yes + "a known room version"
        | Condition.SameUser(a, b) -> user a + isOrNot yes + user b
        | Condition.SameServer(a, b) -> server a + isOrNot yes + server b
        | Condition.OnlyPrevEventIsCreate -> "the only previous event" + isOrNot yes + "the create event"
        | Condition.SomeAuthEvent AuthEventFault.Unselected when not yes ->
            "the auth events selection names every auth event"
        | Condition.SomeAuthEvent f -> (if yes then "an auth event " else "no auth event ") + fault f
        | Condition.AuthEventsHave eventType ->
            "the auth events " + (if yes then "include " else "do not include ") + eventType
        | Condition.CreateEventAccepted ->
            "the room id names " + (if yes then "an" else "no") + " accepted create event"
        | Condition.SignedByServerOf u ->
            server (Server.Of u)
            + (if yes then
                   " validly signed it"
               else
                   " did not validly sign it")
        | Condition.ThirdPartySignedBy place ->
            (if yes then "a" else "no")
            + " signature in third_party_invite.signed is by "
            + keys place
        | Condition.StateHas eventType -> "the state has " + (if yes then "an " else "no ") + eventType
        | Condition.StateContentIs(eventType, p, wanted) ->
            path p + " of the state's " + eventType + isOrNot yes + shape wanted
        | Condition.MembershipIn(u, memberships) ->
            "the membership of "
            + user u
            + " "
            + oneOf yes (memberships |> List.map Settings.membershipWord)
        | Condition.JoinRuleIn rules -> "the join rule " + oneOf yes (rules |> List.map Settings.joinRuleWord)
        | Condition.ThirdPartyInviteKnown ->
            "the state has "
            + (if yes then "a" else "no")
            + " third-party invitation of the token"
        | Condition.Compare(a, r, b) -> power a + isOrNot yes + relation r + " " + power b
        | Condition.NewIsNoLevel ->
            if yes then
                "the value after is not a level"
            else
                "the value after is a level or missing"
        | Condition.KeysNameACreator p ->
            path p
            + (if yes then
                   " names a creator of the room"
               else
                   " names no creator of the room")

    /// A condition, to follow "if".
    let condition (condition: Condition) : string = words false true condition

    let private alterations (alterations: Alteration list) : string =
        alterations
        |> List.map (function
            | Alteration.Added -> "added"
            | Alteration.Changed -> "changed"
            | Alteration.Removed -> "removed")
        |> any

    let private entries (entries: Entries) : string =
        match entries with
        | Entries.Members names -> "member of content among " + all names
        | Entries.Inside maps -> "entry of " + all (maps |> List.map (fun map -> "content." + map))

    /// The condition of a rule, as a clause of a sentence.
    let whenOf (rule: Rule) : string =
        match rule with
        | Rule.Scope(_, c, _)
        | Rule.Clause(_, c, _, _) ->
            match c with
            | Condition.Always -> "always"
            | c -> "if " + condition c
        | Rule.Iff(_, Condition.Always, holds, _) -> "if and only if " + condition holds
        | Rule.Iff(_, applies, holds, _) -> "if " + condition applies + ", then if and only if " + condition holds
        | Rule.ForEach(_, altered, of', where, _) ->
            "for each "
            + entries of'
            + " that is "
            + alterations altered
            + (match where with
               | Condition.Always -> ""
               | where -> ", if " + condition where)

    /// The state key of a selected event.
    let selectionKey (key: SelectionKey) : string =
        match key with
        | SelectionKey.Empty -> "with the empty state key"
        | SelectionKey.User u -> "for " + user u
        | SelectionKey.ThirdPartyToken -> "with the state key in third_party_invite.signed.token"
