/// The authorization rules read literally from their tables: slow, and in no way like the evaluator that the host runs.
/// Nothing is looked up once or kept; every condition reads the events anew.
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.AuthReference

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Json
open Matrix.Properties.Generators

/// A user's power: a level, or more than any level.
type private Might =
    | Level of int64
    | Endless

/// The entry that `ForEach` stands at.
type internal Entry = {
    Key: string
    Old: int64 option
    New: int64 option
    /// The value after is there, is not the one before, and does not count as a level.
    NewIsMalformed: bool
}

/// One question, with the state behind a lookup by type and state key.
type Question = {
    Version: RoomVersion
    Event: Pdu
    Find: string -> string -> Pdu option
    Facts: AuthFacts
}

type internal Scene = {
    Case: Question
    Entry: Entry option
    /// Who sent the event that a redaction redacts.
    Redacted: string option
}

let rec private at (path: Path) (json: Json) : Json option =
    match path, json with
    | [], _ -> Some json
    | key :: rest, Json.Object o ->
        match o.TryFind key with
        | ValueSome inner -> at rest inner
        | ValueNone -> None
    | _ -> None

let private textAt (path: Path) (event: Pdu) : string option =
    match at path (Json.Object event.Content) with
    | Some(Json.String s) -> Some s
    | _ -> None

let private found (scene: Scene) (eventType: string) (key: string) : Pdu option = scene.Case.Find eventType key

let private create (scene: Scene) = found scene "m.room.create" ""

let private settings (scene: Scene) = scene.Case.Version.Settings

// Levels

let private isDigits (s: string) =
    s <> "" && s |> Seq.forall System.Char.IsAsciiDigit

/// The level that stands for a number of any size.
let private nearest (n: bigint) : int64 =
    int64 (max (-9223372036854775805I) (min 9223372036854775805I n))

let private levelOf (values: PowerLevelValues) (json: Json) : int64 option =
    match json, values with
    | Json.Int n, _ -> Some(nearest (bigint n))
    | Json.String s, (PowerLevelValues.IntegersAndStrings | PowerLevelValues.IntegersFloatsAndStrings) ->
        let s = s.Trim()
        let negative = s.StartsWith '-'
        let digits = if negative || s.StartsWith '+' then s.Substring 1 else s

        if isDigits digits then
            Some(nearest (System.Numerics.BigInteger.Parse digits * (if negative then -1I else 1I)))
        else
            None
    | Json.BigInt digits, PowerLevelValues.IntegersFloatsAndStrings -> Some(nearest (System.Numerics.BigInteger.Parse digits))
    | Json.Float d, PowerLevelValues.IntegersFloatsAndStrings ->
        Some(nearest (System.Numerics.BigInteger(if d < 0.0 then ceil d else floor d)))
    | _ -> None

let private levels (scene: Scene) : Json =
    match found scene "m.room.power_levels" "" with
    | Some event -> Json.Object event.Content
    | None -> Json.Object JsonObject.Empty

let private currentLevel (scene: Scene) (path: Path) : int64 option =
    at path (levels scene)
    |> Option.bind (levelOf (settings scene).PowerLevelValues)

let private orElse (otherwise: int64) (level: int64 option) = Option.defaultValue otherwise level

let private creators (scene: Scene) : string list =
    match create scene with
    | None -> []
    | Some event ->
        match (settings scene).Creators with
        | Creators.ContentCreator -> textAt [ "creator" ] event |> Option.toList
        | Creators.Sender -> [ event.Sender ]
        | Creators.SenderAndAdditional ->
            event.Sender
            :: (match at [ "additional_creators" ] (Json.Object event.Content) with
                | Some(Json.Array users) -> [
                    for user in users do
                        match user with
                        | Json.String s -> s
                        | _ -> ()
                  ]
                | _ -> [])

let private mightOf (scene: Scene) (user: string) : Might =
    let isCreator = List.contains user (creators scene)

    match (settings scene).CreatorPower, found scene "m.room.power_levels" "" with
    | CreatorPower.Infinite, _ when isCreator -> Endless
    | CreatorPower.HundredAtFirst, None when isCreator -> Level 100L
    | _, None -> Level 0L
    | _, Some _ ->
        match currentLevel scene [ "users"; user ] with
        | Some n -> Level n
        | None -> currentLevel scene [ "users_default" ] |> orElse 0L |> Level

let private namedLevel (scene: Scene) (level: NamedLevel) : int64 =
    match level with
    | NamedLevel.Invite -> currentLevel scene [ "invite" ] |> orElse 0L
    | NamedLevel.Kick -> currentLevel scene [ "kick" ] |> orElse 50L
    | NamedLevel.Ban -> currentLevel scene [ "ban" ] |> orElse 50L
    | NamedLevel.Redact -> currentLevel scene [ "redact" ] |> orElse 50L

let private required (scene: Scene) : int64 =
    let event = scene.Case.Event

    match currentLevel scene [ "events"; event.Type ] with
    | Some n -> n
    | None when event.IsState -> currentLevel scene [ "state_default" ] |> orElse 50L
    | None -> currentLevel scene [ "events_default" ] |> orElse 0L

// Terms

let private invitation (scene: Scene) : Pdu option =
    textAt [ "third_party_invite"; "signed"; "token" ] scene.Case.Event
    |> Option.bind (found scene "m.room.third_party_invite")

/// The prefix of a state key that is a user id and that nothing, or an underscore, follows.
let private ownerOf (key: string) : string option =
    [ 1 .. key.Length ]
    |> List.filter (fun length -> length = key.Length || key[length] = '_')
    |> List.map (fun length -> key.Substring(0, length))
    |> List.tryFind UserId.isValid

let private user (scene: Scene) (term: User) : string option =
    let event = scene.Case.Event

    match term with
    | User.Sender -> Some event.Sender
    | User.StateKey -> Option.ofObj event.StateKey
    | User.ContentCreator -> create scene |> Option.bind (textAt [ "creator" ])
    | User.CreateSender -> create scene |> Option.map _.Sender
    | User.Authorising -> textAt [ "join_authorised_via_users_server" ] event
    | User.ThirdPartyMxid -> textAt [ "third_party_invite"; "signed"; "mxid" ] event
    | User.ThirdPartyInviter -> invitation scene |> Option.map _.Sender
    | User.EntryKey -> scene.Entry |> Option.map _.Key
    | User.StateKeyOwner -> Option.ofObj event.StateKey |> Option.bind ownerOf
    | User.RedactedSender -> scene.Redacted

let private domain (id: string) : string option =
    match id.Split(':', 2) with
    | [| _; domain |] -> Some domain
    | _ -> None

let private server (scene: Scene) (term: Server) : string option =
    let event = scene.Case.Event

    match term with
    | Server.Of u -> user scene u |> Option.bind domain
    | Server.OfRoomId -> domain event.RoomId
    | Server.OfEventId -> domain event.EventId
    | Server.OfRedacts -> Option.ofObj event.Redacts |> Option.bind domain
    | Server.InStateKey -> Option.ofObj event.StateKey

let private power (scene: Scene) (term: Power) : Might option =
    match term with
    | Power.Of u -> user scene u |> Option.map (mightOf scene)
    | Power.Level level -> Some(Level(namedLevel scene level))
    | Power.Required -> Some(Level(required scene))
    | Power.Old -> scene.Entry |> Option.bind _.Old |> Option.map Level
    | Power.New -> scene.Entry |> Option.bind _.New |> Option.map Level

let private membershipNamed (word: string) : Membership =
    match word with
    | "join" -> Membership.Join
    | "invite" -> Membership.Invite
    | "leave" -> Membership.Leave
    | "ban" -> Membership.Ban
    | "knock" -> Membership.Knock
    | _ -> Membership.Absent

let private membership (scene: Scene) (term: User) : Membership =
    user scene term
    |> Option.bind (found scene "m.room.member")
    |> Option.bind (textAt [ "membership" ])
    |> Option.map membershipNamed
    |> Option.defaultValue Membership.Absent

let private joinRule (scene: Scene) : string =
    match found scene "m.room.join_rules" "" with
    | None -> "invite"
    | Some event ->
        match at [ "join_rule" ] (Json.Object event.Content) with
        | None -> "invite"
        | Some(Json.String rule) -> rule
        | Some _ -> ""

let private ruleNamed (word: string) : JoinRule option =
    match word with
    | "public" -> Some JoinRule.Public
    | "invite" -> Some JoinRule.Invite
    | "knock" -> Some JoinRule.Knock
    | "restricted" -> Some JoinRule.Restricted
    | "knock_restricted" -> Some JoinRule.KnockRestricted
    | "private" -> Some JoinRule.Private
    | _ -> None

let rec private looksLike (shape: Shape) (json: Json) : bool =
    match shape, json with
    | Shape.False, Json.Bool false -> true
    | Shape.Integer, Json.Int _ -> true
    | Shape.Level values, _ -> (levelOf values json).IsSome
    | Shape.UserId, Json.String s -> UserId.isValid s
    | Shape.ListOf inner, Json.Array items -> items |> Seq.forall (looksLike inner)
    | Shape.ObjectOf inner, Json.Object o -> o.Members |> Seq.forall (fun struct (_, v) -> looksLike inner v)
    | Shape.UsersTo inner, Json.Object o ->
        o.Members
        |> Seq.forall (fun struct (k, v) -> UserId.isValid k && looksLike inner v)
    | _ -> false

// Conditions

let private isPresent (a: 'a option) (b: 'a option) (holds: 'a -> 'a -> bool) : bool =
    match a, b with
    | Some a, Some b -> holds a b
    | _ -> false

let private compares (relation: Relation) (a: Might) (b: Might) : bool =
    let order =
        match a, b with
        | Endless, Endless -> 0
        | Endless, _ -> 1
        | _, Endless -> -1
        | Level a, Level b -> compare a b

    match relation with
    | Relation.Below -> order < 0
    | Relation.AtMost -> order <= 0
    | Relation.AtLeast -> order >= 0
    | Relation.Above -> order > 0

let rec internal holds (scene: Scene) (condition: Condition) : bool =
    let event = scene.Case.Event
    let facts = scene.Case.Facts

    match condition with
    | Condition.Always -> true
    | Condition.Not inner -> not (holds scene inner)
    | Condition.And parts -> parts |> List.forall (holds scene)
    | Condition.Or parts -> parts |> List.exists (holds scene)
    | Condition.TypeIs eventType -> event.Type = eventType
    | Condition.HasStateKey -> event.IsState
    | Condition.StateKeyStartsWith prefix ->
        Option.ofObj event.StateKey
        |> Option.exists (fun k -> k.StartsWith(prefix, System.StringComparison.Ordinal))
    | Condition.HasPrevEvents -> event.PrevEvents <> [||]
    | Condition.HasRoomId -> facts.HasRoomId
    | Condition.ContentHas path -> (at path (Json.Object event.Content)).IsSome
    | Condition.ContentIs(path, shape) -> at path (Json.Object event.Content) |> Option.exists (looksLike shape)
    | Condition.MembershipIs Membership.Absent -> false
    | Condition.MembershipIs membership ->
        textAt [ "membership" ] event
        |> Option.exists (fun word -> membershipNamed word = membership)
    | Condition.RoomVersionRecognised ->
        textAt [ "room_version" ] event
        |> Option.exists (fun v -> v = scene.Case.Version.Id || (Versions.tryFind v).IsSome)
    | Condition.SameUser(a, b) -> isPresent (user scene a) (user scene b) (=)
    | Condition.SameServer(a, b) -> isPresent (server scene a) (server scene b) (=)
    | Condition.OnlyPrevEventIsCreate ->
        match create scene with
        | Some create -> event.PrevEvents = [| create.EventId |]
        | None -> false
    | Condition.SomeAuthEvent fault -> (faulty scene fault).IsSome
    | Condition.AuthEventsHave eventType -> facts.AuthEvents |> Seq.exists (fun c -> c.Event.Type = eventType)
    | Condition.CreateEventAccepted ->
        create scene
        |> Option.exists (fun create -> event.RoomId = "!" + create.EventId.Substring 1)
    | Condition.SignedByServerOf u ->
        match server scene (Server.Of u) with
        | Some server -> Array.contains server facts.Signers
        | None -> false
    | Condition.ThirdPartySignedBy place ->
        match invitation scene with
        | None -> false
        | Some invitation ->
            let keys =
                match place with
                | KeyPlace.Single -> textAt [ "public_key" ] invitation |> Option.toList
                | KeyPlace.Listed ->
                    match at [ "public_keys" ] (Json.Object invitation.Content) with
                    | Some(Json.Array items) -> [
                        for item in items do
                            match at [ "public_key" ] item with
                            | Some(Json.String key) -> key
                            | _ -> ()
                      ]
                    | _ -> []

            keys |> List.exists (fun key -> Array.contains key facts.ThirdPartyKeys)
    | Condition.StateHas eventType -> (found scene eventType "").IsSome
    | Condition.StateContentIs(eventType, path, shape) ->
        found scene eventType ""
        |> Option.bind (fun e -> at path (Json.Object e.Content))
        |> Option.exists (looksLike shape)
    | Condition.MembershipIn(u, memberships) -> List.contains (membership scene u) memberships
    | Condition.JoinRuleIn rules ->
        match ruleNamed (joinRule scene) with
        | Some rule -> List.contains rule rules
        | None -> false
    | Condition.ThirdPartyInviteKnown -> (invitation scene).IsSome
    | Condition.Compare(a, relation, b) -> isPresent (power scene a) (power scene b) (compares relation)
    | Condition.NewIsNoLevel -> scene.Entry |> Option.exists _.NewIsMalformed
    | Condition.KeysNameACreator path ->
        match at path (Json.Object event.Content) with
        | Some(Json.Object o) -> creators scene |> List.exists o.Has
        | _ -> false

and private selects (scene: Scene) (cited: Pdu) (selection: Selection) : bool =
    let key =
        match selection.Key with
        | SelectionKey.Empty -> Some ""
        | SelectionKey.User u -> user scene u
        | SelectionKey.ThirdPartyToken -> textAt [ "third_party_invite"; "signed"; "token" ] scene.Case.Event

    cited.Type = selection.Type
    && cited.IsState
    && key = Option.ofObj cited.StateKey
    && holds scene selection.When

and private faulty (scene: Scene) (fault: AuthEventFault) : Pdu option =
    let cited = List.ofArray scene.Case.Facts.AuthEvents

    match fault with
    | AuthEventFault.Rejected -> cited |> List.tryFind _.Rejected
    | AuthEventFault.Elsewhere -> cited |> List.tryFind (fun c -> c.Event.RoomId <> scene.Case.Event.RoomId)
    | AuthEventFault.Unselected ->
        cited
        |> List.tryFind (fun c -> scene.Case.Version.Selections |> List.forall (selects scene c.Event >> not))
    | AuthEventFault.Duplicated ->
        cited
        |> List.indexed
        |> List.tryFind (fun (i, c) ->
            cited
            |> List.take i
            |> List.exists (fun d -> d.Event.Type = c.Event.Type && d.Event.StateKey = c.Event.StateKey))
        |> Option.map snd
    |> Option.map _.Event

// Failures

let private show (scene: Scene) (evidence: Evidence) : Value =
    let ofText = Option.map Value.Text >> Option.defaultValue Value.Nothing

    let ofMight =
        function
        | None -> Value.Nothing
        | Some Endless -> Value.Infinite
        | Some(Level n) -> Value.Level n

    match evidence with
    | Evidence.Nothing -> Value.Nothing
    | Evidence.User u -> ofText (user scene u)
    | Evidence.Server s -> ofText (server scene s)
    | Evidence.Membership u -> Value.Membership(membership scene u)
    | Evidence.MembershipAmong ms -> Value.Memberships ms
    | Evidence.JoinRule -> Value.Text(joinRule scene)
    | Evidence.Power p -> ofMight (power scene p)
    | Evidence.PowerOverTarget level ->
        let floor = namedLevel scene level

        match power scene (Power.Of User.StateKey) with
        | Some Endless -> Value.Infinite
        | Some(Level target) -> Value.Level(max floor (target + 1L))
        | None -> Value.Level floor
    | Evidence.Content path -> ofText (textAt path scene.Case.Event)
    | Evidence.AuthEvent fault -> faulty scene fault |> Option.map _.EventId |> ofText
    | Evidence.PrevEvents -> Value.Number(int64 scene.Case.Event.PrevEvents.Length)
    | Evidence.Words words -> Value.Text words

let internal reject (scene: Scene) (clause: string) (reason: Reason) : Decision =
    let struct (supplied, required) = Failures.evidence reason

    Decision.Rejected {
        Clause = clause
        Reason = reason
        Supplied = show scene supplied
        Required = show scene required
        Entry =
            match scene.Entry with
            | Some entry -> entry.Key
            | None -> ""
    }

// Rules

let internal entriesOf (scene: Scene) (entries: Entries) : Entry list =
    let event = Json.Object scene.Case.Event.Content
    let values = (settings scene).PowerLevelValues

    let entry path key = {
        Key = key
        Old = at path (levels scene) |> Option.bind (levelOf values)
        New = at path event |> Option.bind (levelOf values)
        NewIsMalformed =
            match at path event with
            | Some json -> (levelOf values json).IsNone && at path (levels scene) <> Some json
            | None -> false
    }

    // A map that is not an object, and was not the same before: it stands for itself.
    let malformedMap name =
        match at [ name ] event with
        | Some(Json.Object _)
        | None -> []
        | Some json when at [ name ] (levels scene) = Some json -> []
        | Some _ -> [
            {
                Key = name
                Old = None
                New = None
                NewIsMalformed = true
            }
          ]

    let keys json =
        match json with
        | Some(Json.Object o) -> [ for struct (k, _) in o.Members -> k ]
        | _ -> []

    match entries with
    | Entries.Members names -> [ for name in names -> entry [ name ] name ]
    | Entries.Inside names -> [
        for name in names do
            let both =
                keys (at [ name ] (levels scene)) @ keys (at [ name ] event)
                |> List.distinct
                |> List.sortWith (fun a b -> JsonObject.CompareKeys(a, b))

            yield! malformedMap name

            for key in both do
                entry [ name; key ] key
      ]

let internal alteration (entry: Entry) : Alteration option =
    match entry.Old, entry.New with
    | None, _ when entry.NewIsMalformed -> Some Alteration.Added
    | _, None when entry.NewIsMalformed -> Some Alteration.Changed
    | None, Some _ -> Some Alteration.Added
    | Some _, None -> Some Alteration.Removed
    | Some a, Some b when a <> b -> Some Alteration.Changed
    | _ -> None

let rec private decideBy (scene: Scene) (rules: Rule list) : Decision option = rules |> List.tryPick (decideOne scene)

and private decideOne (scene: Scene) (rule: Rule) : Decision option =
    match rule with
    | Rule.Scope(_, condition, inside) ->
        if holds scene condition then
            decideBy scene inside
        else
            None
    | Rule.Clause(head, condition, outcome, _) ->
        if holds scene condition then
            match outcome with
            | Outcome.Allow -> Some(Decision.Allowed head.Name)
            | Outcome.Reject reason -> Some(reject scene head.Name reason)
        else
            None
    | Rule.Iff(head, applies, condition, reason) ->
        if not (holds scene applies) then
            None
        elif holds scene condition then
            Some(Decision.Allowed head.Name)
        else
            Some(reject scene head.Name reason)
    | Rule.ForEach(_, alterations, entries, where, inside) ->
        entriesOf scene entries
        |> List.filter (fun entry -> alteration entry |> Option.exists (fun a -> List.contains a alterations))
        |> List.map (fun entry -> { scene with Entry = Some entry })
        |> List.filter (fun scene -> holds scene where)
        |> List.tryPick (fun scene -> decideBy scene inside)

let private decideWhole (scene: Scene) (table: Rule list) : Decision =
    match decideBy scene table with
    | Some decision -> decision
    | None -> invalidOp "The table leaves an event undecided, which the lint does not allow."

/// What the rules of the question's version say.
let ask (question: Question) : Decision =
    decideWhole
        {
            Case = question
            Entry = None
            Redacted = None
        }
        question.Version.Authorization

/// What a table says of a redaction of an event that this user sent.
let askOfRedaction (table: Rule list) (question: Question) (redactedSender: string) : Decision =
    decideWhole
        {
            Case = question
            Entry = None
            Redacted = Some redactedSender
        }
        table

/// The question that a case is.
let questionOf (case: AuthCase) : Question = {
    Version = case.Version
    Event = case.Event
    Find = fun eventType key -> case.State.TryFind(eventType, key)
    Facts = case.Facts
}

/// What the rules of the case's version say.
let decide (case: AuthCase) : Decision = ask (questionOf case)

/// The state keys that an event must cite, by the version's selection.
let selection (version: RoomVersion) (event: Pdu) : (string * string) list =
    let scene = {
        Case = {
            Version = version
            Event = event
            Find = fun _ _ -> None
            Facts = AuthFacts.ofAccepted [||]
        }
        Entry = None
        Redacted = None
    }

    if event.Type = "m.room.create" then
        []
    else
        [
            for row in version.Selections do
                let key =
                    match row.Key with
                    | SelectionKey.Empty -> Some ""
                    | SelectionKey.User u -> user scene u
                    | SelectionKey.ThirdPartyToken -> textAt [ "third_party_invite"; "signed"; "token" ] event

                match key with
                | Some key when holds scene row.When -> row.Type, key
                | _ -> ()
        ]
        |> List.distinct
