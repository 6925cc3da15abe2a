namespace Matrix.Properties.Claims

open System
open System.Collections.Generic
open Matrix.Rules
open Matrix.Properties.Claims
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Json
open Matrix.Properties.SmallWorlds

/// Reads contents.
[<RequireQualifiedAccess>]
module private Reading =

    /// The value at a path.
    let rec at (path: Path) (json: Json) : Json voption =
        match path, json with
        | [], _ -> ValueSome json
        | key :: rest, Json.Object o ->
            match o.TryFind key with
            | ValueSome inner -> at rest inner
            | ValueNone -> ValueNone
        | _ -> ValueNone

    /// The value at a path of an event's content.
    let ofEvent (path: Path) (event: Pdu) : Json voption =
        match path with
        | [ key ] -> event.Content.TryFind key
        | path -> at path (Json.Object event.Content)

    /// The text at a path of an event's content, or null.
    let text (path: Path) (event: Pdu) : string | null =
        match ofEvent path event with
        | ValueSome(Json.String s) -> s
        | _ -> null

    /// What follows the first colon, or null.
    let domain (id: string | null) : string | null =
        match id with
        | null -> null
        | id ->
            match id.IndexOf ':' with
            | -1 -> null
            | colon -> id.Substring(colon + 1)

    /// The user id that a state key is, or that it begins with and an underscore follows.
    let owner (key: string | null) : string | null =
        match key with
        | null -> null
        | key ->
            let server = key.IndexOf ':'
            let ending = if server < 0 then -1 else key.IndexOf('_', server)
            let id = if ending < 0 then key else key.Substring(0, ending)
            if UserId.isValid id then id else null

    /// The membership that a word is.
    let membership (word: string | null) : Membership =
        match word with
        | "invite" -> Membership.Invite
        | "join" -> Membership.Join
        | "leave" -> Membership.Leave
        | "ban" -> Membership.Ban
        | "knock" -> Membership.Knock
        | _ -> Membership.Absent

    /// The word of a join rule.
    let joinRule (rule: JoinRule) : string =
        match rule with
        | JoinRule.Public -> "public"
        | JoinRule.Invite -> "invite"
        | JoinRule.Knock -> "knock"
        | JoinRule.Restricted -> "restricted"
        | JoinRule.KnockRestricted -> "knock_restricted"
        | JoinRule.Private -> "private"

    let private isUserId (json: Json) =
        match json with
        | Json.String id -> UserId.isValid id
        | _ -> false

    let private isInteger (json: Json) =
        match json with
        | Json.Int _ -> true
        | _ -> false

    /// Whether a value has a shape.
    let rec has (shape: Shape) (json: Json) : bool =
        match shape, json with
        | Shape.False, Json.Bool value -> not value
        | Shape.Integer, _ -> isInteger json
        | Shape.UserId, _ -> isUserId json
        | Shape.ListOf inner, Json.Array items -> items |> Array.forall (has inner)
        | Shape.ObjectOf inner, Json.Object o -> Seq.forall (fun i -> has inner (o.Value i)) (seq { 0 .. o.Count - 1 })
        | Shape.UsersTo inner, Json.Object o ->
            Seq.forall (fun i -> UserId.isValid (o.Key i) && has inner (o.Value i)) (seq { 0 .. o.Count - 1 })
        | Shape.Level _, _ -> invalidOp "A claim has no words for what counts as a level in a setting."
        | _ -> false

[<Sealed>]
type ClaimCase(case: ICase) =

    let version = case.Version

    // Events are read once: a world shares them among its cases.
    let levelsOf = Dictionary<Pdu, StatedLevels>(HashIdentity.Reference)
    let creatorsOf = Dictionary<Pdu, string[]>(HashIdentity.Reference)
    let noLevels = StatedLevels(version, JsonObject.Empty)
    let mutable users: string[] | null = null

    let find (eventType: string) (key: string) : Pdu | null =
        match case.Find(eventType, key) with
        | null -> null
        | found -> found.Pdu

    let readLevels (event: Pdu) : StatedLevels =
        match levelsOf.TryGetValue event with
        | true, levels -> levels
        | _ ->
            let levels = StatedLevels(version, event.Content)
            levelsOf[event] <- levels
            levels

    member val Allowed = false with get, set
    /// The key of the current entry.
    member val Key = "" with get, set
    /// The current entry before.
    member val Before: Json voption = ValueNone with get, set
    /// The current entry after.
    member val After: Json voption = ValueNone with get, set

    member _.Turn() = users <- null

    member _.Event = case.Event
    member _.Facts = case.Facts
    member _.Find(eventType: string, key: string) : Pdu | null = find eventType key

    /// The create event, or null.
    member _.Create: Pdu | null = find "m.room.create" ""

    /// The third-party invitation with the token, or null.
    member _.Invitation: Pdu | null =
        match Reading.text [ "third_party_invite"; "signed"; "token" ] case.Event with
        | null -> null
        | token -> find "m.room.third_party_invite" token

    /// The creators of the room.
    member _.Creators: string[] =
        match find "m.room.create" "" with
        | null -> [||]
        | create ->
            match creatorsOf.TryGetValue create with
            | true, creators -> creators
            | _ ->
                let creators = Stated.creators version create
                creatorsOf[create] <- creators
                creators

    /// The content of the power levels before.
    member _.ContentBefore: JsonObject =
        match find "m.room.power_levels" "" with
        | null -> JsonObject.Empty
        | event -> event.Content

    /// The power levels before.
    member _.Levels: StatedLevels =
        match find "m.room.power_levels" "" with
        | null -> noLevels
        | event -> readLevels event

    /// Whether the event sets the room's power levels if it is accepted.
    member _.SetsLevels: bool =
        String.Equals(case.Event.Type, "m.room.power_levels")
        && String.Equals(case.Event.StateKey, "")

    /// The power of a user before.
    member this.Power(user: string) : int64 =
        this.Levels.PowerOf(user, this.Creators, not (isNull (find "m.room.power_levels" "")))

    /// The power of a user after.
    member this.PowerAfter(user: string) : int64 =
        if this.SetsLevels then
            (readLevels case.Event).PowerOf(user, this.Creators, true)
        else
            this.Power user

    /// The users whom the case names, and one whom it does not name: all others have the same powers as that one.
    member this.Users: string[] =
        match users with
        | null ->
            let named = HashSet<string>()

            let add (user: string | null) =
                match user with
                | null -> ()
                | user -> named.Add user |> ignore

            let addKeys (content: JsonObject) =
                match content.TryFind "users" with
                | ValueSome(Json.Object o) ->
                    for i in 0 .. o.Count - 1 do
                        named.Add(o.Key i) |> ignore
                | _ -> ()

            add case.Event.Sender
            add case.Event.StateKey
            Array.iter add this.Creators
            addKeys this.ContentBefore
            addKeys case.Event.Content

            let mutable unnamed = "@unnamed:nowhere"

            while not (named.Add unnamed) do
                unnamed <- unnamed + "e"

            let all = Seq.toArray named
            users <- all
            all
        | all -> all

[<RequireQualifiedAccess>]
module Evaluation =

    let private user (term: User) : ClaimCase -> string | null =
        match term with
        | User.Sender -> fun c -> c.Event.Sender
        | User.StateKey -> _.Event.StateKey
        | User.ContentCreator ->
            fun c ->
                match c.Create with
                | null -> null
                | create -> Reading.text [ "creator" ] create
        | User.CreateSender ->
            fun c ->
                match c.Create with
                | null -> null
                | create -> create.Sender
        | User.Authorising -> fun c -> Reading.text [ "join_authorised_via_users_server" ] c.Event
        | User.ThirdPartyMxid -> fun c -> Reading.text [ "third_party_invite"; "signed"; "mxid" ] c.Event
        | User.ThirdPartyInviter ->
            fun c ->
                match c.Invitation with
                | null -> null
                | invitation -> invitation.Sender
        | User.EntryKey -> fun c -> c.Key
        | User.StateKeyOwner -> fun c -> Reading.owner c.Event.StateKey
        | User.RedactedSender -> fun _ -> null

    let private server (term: Server) : ClaimCase -> string | null =
        match term with
        | Server.Of who ->
            let who = user who
            who >> Reading.domain
        | Server.OfRoomId -> fun c -> Reading.domain c.Event.RoomId
        | Server.OfEventId -> fun c -> Reading.domain c.Event.EventId
        | Server.OfRedacts -> fun c -> Reading.domain c.Event.Redacts
        | Server.InStateKey -> _.Event.StateKey

    let private same (a: ClaimCase -> string | null) (b: ClaimCase -> string | null) (c: ClaimCase) : bool =
        match a c, b c with
        | null, _
        | _, null -> false
        | a, b -> String.Equals(a, b)

    let private memberships (who: User) : ClaimCase -> Membership =
        let who = user who

        fun c ->
            match who c with
            | null -> Membership.Absent
            | id ->
                match c.Find("m.room.member", id) with
                | null -> Membership.Absent
                | event -> Reading.membership (Reading.text [ "membership" ] event)

    let private joinRule (c: ClaimCase) : string =
        match c.Find("m.room.join_rules", "") with
        | null -> "invite"
        | event ->
            match event.Content.TryFind "join_rule" with
            | ValueSome(Json.String word) -> word
            | ValueSome _ -> ""
            | ValueNone -> "invite"

    let private publicKeys (place: KeyPlace) (invitation: Pdu) : string list =
        match place with
        | KeyPlace.Single ->
            match Reading.text [ "public_key" ] invitation with
            | null -> []
            | key -> [ key ]
        | KeyPlace.Listed ->
            match invitation.Content.TryFind "public_keys" with
            | ValueSome(Json.Array items) ->
                items
                |> Array.choose (fun item ->
                    match Reading.at [ "public_key" ] item with
                    | ValueSome(Json.String key) -> Some key
                    | _ -> None)
                |> List.ofArray
            | _ -> []

    /// Whether a row of the selection names an event's type and state key.
    let private names (row: StatedSelection) (c: ClaimCase) (given: Pdu) : bool =
        let event = c.Event
        let isMember = event.Type = "m.room.member"

        let applies =
            match row.Of with
            | StatedEvents.Every -> true
            | StatedEvents.MemberEvents -> isMember
            | StatedEvents.MemberEventsOf(words, withMember) ->
                isMember
                && (match Reading.text [ "membership" ] event with
                    | null -> false
                    | word -> List.contains word words)
                && (withMember = "" || event.Content.Has withMember)

        let key: string | null =
            match row.Key with
            | StatedKey.Empty -> ""
            | StatedKey.Sender -> event.Sender
            | StatedKey.Target -> event.StateKey
            | StatedKey.AuthorisingUser -> Reading.text [ "join_authorised_via_users_server" ] event
            | StatedKey.Token -> Reading.text [ "third_party_invite"; "signed"; "token" ] event

        applies
        && given.Type = row.Type
        && not (isNull key)
        && String.Equals(given.StateKey, key)

    let private fault (version: RoomVersion) (fault: AuthEventFault) : ClaimCase -> bool =
        match fault with
        | AuthEventFault.Rejected -> fun c -> c.Facts.AuthEvents |> Array.exists _.Rejected
        | AuthEventFault.Elsewhere ->
            fun c ->
                c.Facts.AuthEvents
                |> Array.exists (fun given -> given.Event.RoomId <> c.Event.RoomId)
        | AuthEventFault.Unselected ->
            let rows = StatedSelections.of' (numberOf version)

            fun c ->
                c.Facts.AuthEvents
                |> Array.exists (fun given -> rows |> List.forall (fun row -> not (names row c given.Event)))
        | AuthEventFault.Duplicated ->
            fun c ->
                let given = c.Facts.AuthEvents
                let mutable found = false

                for i in 0 .. given.Length - 1 do
                    for j in 0 .. i - 1 do
                        if
                            given[i].Event.Type = given[j].Event.Type
                            && String.Equals(given[i].Event.StateKey, given[j].Event.StateKey)
                        then
                            found <- true

                found

    let private every (parts: (ClaimCase -> bool) list) : ClaimCase -> bool =
        match parts with
        | [ one ] -> one
        | [ a; b ] -> fun c -> a c && b c
        | [ a; b; d ] -> fun c -> a c && b c && d c
        | parts ->
            let parts = Array.ofList parts

            fun c ->
                let mutable i = 0

                while i < parts.Length && parts[i] c do
                    i <- i + 1

                i = parts.Length

    let private some (parts: (ClaimCase -> bool) list) : ClaimCase -> bool =
        match parts with
        | [ one ] -> one
        | [ a; b ] -> fun c -> a c || b c
        | parts ->
            let parts = Array.ofList parts

            fun c ->
                let mutable i = 0

                while i < parts.Length && not (parts[i] c) do
                    i <- i + 1

                i < parts.Length

    let rec private condition (version: RoomVersion) (it: Condition) : ClaimCase -> bool =
        match it with
        | Condition.Always -> fun _ -> true
        | Condition.Not inner ->
            let inner = condition version inner
            inner >> not
        | Condition.And parts -> every (List.map (condition version) parts)
        | Condition.Or parts -> some (List.map (condition version) parts)
        | Condition.TypeIs eventType -> fun c -> String.Equals(c.Event.Type, eventType)
        | Condition.HasStateKey -> fun c -> not (isNull c.Event.StateKey)
        | Condition.StateKeyStartsWith prefix ->
            fun c ->
                match c.Event.StateKey with
                | null -> false
                | key -> key.StartsWith(prefix, StringComparison.Ordinal)
        | Condition.HasPrevEvents -> fun c -> c.Event.PrevEvents.Length > 0
        | Condition.HasRoomId -> _.Facts.HasRoomId
        | Condition.ContentHas path -> fun c -> (Reading.ofEvent path c.Event).IsSome
        | Condition.ContentIs(path, shape) ->
            fun c ->
                match Reading.ofEvent path c.Event with
                | ValueSome json -> Reading.has shape json
                | ValueNone -> false
        | Condition.MembershipIs Membership.Absent -> fun _ -> false
        | Condition.MembershipIs membership ->
            fun c -> Reading.membership (Reading.text [ "membership" ] c.Event) = membership
        | Condition.RoomVersionRecognised ->
            fun c ->
                match Reading.text [ "room_version" ] c.Event with
                | null -> false
                | id -> id = version.Id || Versions.isKnown id
        | Condition.SameUser(a, b) -> same (user a) (user b)
        | Condition.SameServer(a, b) -> same (server a) (server b)
        | Condition.OnlyPrevEventIsCreate ->
            fun c ->
                match c.Create with
                | null -> false
                | create ->
                    c.Event.PrevEvents.Length = 1
                    && String.Equals(c.Event.PrevEvents[0], create.EventId)
        | Condition.SomeAuthEvent kind -> fault version kind
        | Condition.AuthEventsHave eventType ->
            fun c -> c.Facts.AuthEvents |> Array.exists (fun given -> given.Event.Type = eventType)
        | Condition.CreateEventAccepted ->
            fun c ->
                match c.Create with
                | null -> false
                | create -> String.Equals(c.Event.RoomId, "!" + create.EventId.Substring 1)
        | Condition.SignedByServerOf who ->
            let itsServer = server (Server.Of who)

            fun c ->
                match itsServer c with
                | null -> false
                | name -> Array.contains name c.Facts.Signers
        | Condition.ThirdPartySignedBy place ->
            fun c ->
                match c.Invitation with
                | null -> false
                | invitation ->
                    publicKeys place invitation
                    |> List.exists (fun key -> Array.contains key c.Facts.ThirdPartyKeys)
        | Condition.StateHas eventType -> fun c -> not (isNull (c.Find(eventType, "")))
        | Condition.StateContentIs(eventType, path, shape) ->
            fun c ->
                match c.Find(eventType, "") with
                | null -> false
                | event ->
                    match Reading.ofEvent path event with
                    | ValueSome json -> Reading.has shape json
                    | ValueNone -> false
        | Condition.MembershipIn(who, among) ->
            let of' = memberships who
            fun c -> List.contains (of' c) among
        | Condition.JoinRuleIn rules ->
            let words = rules |> List.map Reading.joinRule
            fun c -> List.contains (joinRule c) words
        | Condition.ThirdPartyInviteKnown -> fun c -> not (isNull c.Invitation)
        | Condition.Compare _
        | Condition.NewIsNoLevel
        | Condition.KeysNameACreator _ -> invalidOp "Claims have words of their own for powers, creators and levels."

    let private amount (version: RoomVersion) (it: Amount) : ClaimCase -> int64 voption =
        let level (json: Json voption) =
            match json with
            | ValueSome json -> Stated.level version json
            | ValueNone -> ValueNone

        match it with
        | Amount.Of who ->
            let who = user who

            fun c ->
                match who c with
                | null -> ValueNone
                | id -> ValueSome(c.Power id)
        | Amount.OfAfter who ->
            let who = user who

            fun c ->
                match who c with
                | null -> ValueNone
                | id -> ValueSome(c.PowerAfter id)
        | Amount.Level NamedLevel.Invite -> fun c -> ValueSome c.Levels.Invite
        | Amount.Level NamedLevel.Kick -> fun c -> ValueSome c.Levels.Kick
        | Amount.Level NamedLevel.Ban -> fun c -> ValueSome c.Levels.Ban
        | Amount.Level NamedLevel.Redact -> fun c -> ValueSome c.Levels.Redact
        | Amount.Required -> fun c -> ValueSome(c.Levels.Required(c.Event.Type, not (isNull c.Event.StateKey)))
        | Amount.EntryBefore -> fun c -> level c.Before
        | Amount.EntryAfter -> fun c -> level c.After
        | Amount.Number n -> fun _ -> ValueSome n

    let private compares a (relation: Relation) b (c: ClaimCase) : bool =
        match a c with
        | ValueNone -> false
        | ValueSome(a: int64) ->
            match b c with
            | ValueNone -> false
            | ValueSome b ->
                match relation with
                | Relation.Below -> a < b
                | Relation.AtMost -> a <= b
                | Relation.AtLeast -> a >= b
                | Relation.Above -> a > b

    /// Whether a test holds inside for each, or for some, of the entries or users. `visit` sets the current one, and
    /// stops when it is told to.
    let private quantified (forEach: bool) (visit: ClaimCase -> (unit -> bool) -> unit) (inner: ClaimCase -> bool) =
        fun (c: ClaimCase) ->
            let key, before, after = c.Key, c.Before, c.After
            let mutable found = false

            visit c (fun () ->
                found <- inner c <> forEach
                found)

            c.Key <- key
            c.Before <- before
            c.After <- after
            found <> forEach

    let private visitUsers (c: ClaimCase) (stop: unit -> bool) : unit =
        let entry (content: JsonObject) (id: string) =
            match content.TryFind "users" with
            | ValueSome(Json.Object o) -> o.TryFind id
            | _ -> ValueNone

        let users = c.Users
        let mutable i = 0
        let mutable stopped = false

        while not stopped && i < users.Length do
            c.Key <- users[i]
            c.Before <- entry c.ContentBefore users[i]
            c.After <- entry c.Event.Content users[i]
            stopped <- stop ()
            i <- i + 1

    let private visitMembers (names: string list) (c: ClaimCase) (stop: unit -> bool) : unit =
        let rec visit (names: string list) =
            match names with
            | [] -> ()
            | name :: rest ->
                c.Key <- name
                c.Before <- c.ContentBefore.TryFind name
                c.After <- c.Event.Content.TryFind name

                if not ((c.Before.IsSome || c.After.IsSome) && stop ()) then
                    visit rest

        visit names

    let private visitInside (maps: string list) (c: ClaimCase) (stop: unit -> bool) : unit =
        let inside (content: JsonObject) (map: string) =
            match content.TryFind map with
            | ValueSome(Json.Object o) -> o
            | _ -> JsonObject.Empty

        let rec visit (maps: string list) =
            match maps with
            | [] -> ()
            | map :: rest ->
                let before, after = inside c.ContentBefore map, inside c.Event.Content map
                let mutable stopped = false
                let mutable i = 0

                while not stopped && i < before.Count do
                    c.Key <- before.Key i
                    c.Before <- ValueSome(before.Value i)
                    c.After <- after.TryFind(before.Key i)
                    stopped <- stop ()
                    i <- i + 1

                i <- 0

                while not stopped && i < after.Count do
                    if not (before.Has(after.Key i)) then
                        c.Key <- after.Key i
                        c.Before <- ValueNone
                        c.After <- ValueSome(after.Value i)
                        stopped <- stop ()

                    i <- i + 1

                if not stopped then
                    visit rest

        visit maps

    let private visitEntries (entries: Entries) =
        match entries with
        | Entries.Members names -> visitMembers names
        | Entries.Inside maps -> visitInside maps

    let private fact (it: EntryFact) : ClaimCase -> bool =
        match it with
        | EntryFact.Before -> _.Before.IsSome
        | EntryFact.After -> _.After.IsSome
        | EntryFact.Differs ->
            fun c ->
                match c.Before, c.After with
                | ValueSome before, ValueSome after -> not (before.Equals after)
                | _ -> true
        | EntryFact.IntegerAfter ->
            fun c ->
                match c.After with
                | ValueSome(Json.Int _) -> true
                | _ -> false
        | EntryFact.ObjectAfter ->
            fun c ->
                match c.After with
                | ValueSome(Json.Object _) -> true
                | _ -> false
        | EntryFact.UserIdKey -> fun c -> UserId.isValid c.Key

    let rec compile (version: RoomVersion) (statement: Statement) : ClaimCase -> bool =
        let compile = compile version

        match statement with
        | Statement.Says it -> condition version it
        | Statement.Not inner ->
            let inner = compile inner
            inner >> not
        | Statement.All parts -> every (List.map compile parts)
        | Statement.Any parts -> some (List.map compile parts)
        | Statement.Allowed -> _.Allowed
        | Statement.Creator who ->
            let who = user who

            fun c ->
                match who c with
                | null -> false
                | id -> Array.contains id c.Creators
        | Statement.Compares(a, relation, b) -> compares (amount version a) relation (amount version b)
        | Statement.Everybody inner -> quantified true visitUsers (compile inner)
        | Statement.Somebody inner -> quantified false visitUsers (compile inner)
        | Statement.EveryEntry(entries, inner) -> quantified true (visitEntries entries) (compile inner)
        | Statement.SomeEntry(entries, inner) -> quantified false (visitEntries entries) (compile inner)
        | Statement.Entry it -> fact it
