/// Whether a condition holds.
[<RequireQualifiedAccess>]
module internal Matrix.Properties.Reference.Authorization.Conditions

open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Json

let rec private looksLike (shape: Shape) (json: Json) : bool =
    match shape, json with
    | Shape.False, Json.Bool false -> true
    | Shape.Integer, Json.Int _ -> true
    | Shape.Level values, _ -> (Levels.levelOf values json).IsSome
    | Shape.UserId, Json.String s -> UserId.isValid s
    | Shape.ListOf inner, Json.Array items -> items |> Seq.forall (looksLike inner)
    | Shape.ObjectOf inner, Json.Object o -> o.Members |> Seq.forall (fun struct (_, v) -> looksLike inner v)
    | Shape.UsersTo inner, Json.Object o ->
        o.Members
        |> Seq.forall (fun struct (k, v) -> UserId.isValid k && looksLike inner v)
    | _ -> false

let private isPresent (a: 'a option) (b: 'a option) (holds: 'a -> 'a -> bool) : bool =
    match a, b with
    | Some a, Some b -> holds a b
    | _ -> false

let private compares (relation: Relation) (a: PowerOf) (b: PowerOf) : bool =
    let order =
        match a, b with
        | PowerOf.Infinite, PowerOf.Infinite -> 0
        | PowerOf.Infinite, _ -> 1
        | _, PowerOf.Infinite -> -1
        | PowerOf.Level a, PowerOf.Level b -> compare a b

    match relation with
    | Relation.Below -> order < 0
    | Relation.AtMost -> order <= 0
    | Relation.AtLeast -> order >= 0
    | Relation.Above -> order > 0

let rec holds (context: Context) (condition: Condition) : bool =
    let event = context.Case.Event
    let facts = context.Case.Facts

    match condition with
    | Condition.Always -> true
    | Condition.Not inner -> not (holds context inner)
    | Condition.And parts -> parts |> List.forall (holds context)
    | Condition.Or parts -> parts |> List.exists (holds context)
    | Condition.TypeIs eventType -> event.Type = eventType
    | Condition.HasStateKey -> event.IsState
    | Condition.StateKeyStartsWith prefix ->
        Option.ofObj event.StateKey
        |> Option.exists (fun k -> k.StartsWith(prefix, System.StringComparison.Ordinal))
    | Condition.HasPrevEvents -> event.PrevEvents <> [||]
    | Condition.HasRoomId -> facts.HasRoomId
    | Condition.ContentHas path -> (Lookup.at path (Json.Object event.Content)).IsSome
    | Condition.ContentIs(path, shape) -> Lookup.at path (Json.Object event.Content) |> Option.exists (looksLike shape)
    | Condition.MembershipIs Membership.Absent -> false
    | Condition.MembershipIs membership ->
        Lookup.textAt [ "membership" ] event
        |> Option.exists (fun word -> Terms.membershipNamed word = membership)
    | Condition.RoomVersionRecognised ->
        Lookup.textAt [ "room_version" ] event
        |> Option.exists (fun v -> v = context.Case.Version.Id || (Versions.tryFind v).IsSome)
    | Condition.SameUser(a, b) -> isPresent (Terms.user context a) (Terms.user context b) (=)
    | Condition.SameServer(a, b) -> isPresent (Terms.server context a) (Terms.server context b) (=)
    | Condition.OnlyPrevEventIsCreate ->
        match Lookup.create context with
        | Some create -> event.PrevEvents = [| create.EventId |]
        | None -> false
    | Condition.SomeAuthEvent fault -> (faulty context fault).IsSome
    | Condition.AuthEventsHave eventType -> facts.AuthEvents |> Seq.exists (fun c -> c.Event.Type = eventType)
    | Condition.CreateEventAccepted ->
        Lookup.create context
        |> Option.exists (fun create -> event.RoomId = "!" + create.EventId.Substring 1)
    | Condition.SignedByServerOf u ->
        match Terms.server context (Server.Of u) with
        | Some server -> Array.contains server facts.Signers
        | None -> false
    | Condition.ThirdPartySignedBy place ->
        match Terms.invitation context with
        | None -> false
        | Some invitation ->
            Terms.publicKeys place invitation
            |> List.exists (fun key -> Array.contains key facts.ThirdPartyKeys)
    | Condition.StateHas eventType -> (Lookup.found context eventType "").IsSome
    | Condition.StateContentIs(eventType, path, shape) ->
        Lookup.found context eventType ""
        |> Option.bind (fun e -> Lookup.at path (Json.Object e.Content))
        |> Option.exists (looksLike shape)
    | Condition.MembershipIn(u, memberships) -> List.contains (Terms.membership context u) memberships
    | Condition.JoinRuleIn rules ->
        match Terms.ruleNamed (Terms.joinRule context) with
        | Some rule -> List.contains rule rules
        | None -> false
    | Condition.ThirdPartyInviteKnown -> (Terms.invitation context).IsSome
    | Condition.Compare(a, relation, b) -> isPresent (Terms.power context a) (Terms.power context b) (compares relation)
    | Condition.NewIsNoLevel -> context.Entry |> Option.exists _.NewIsMalformed
    | Condition.KeysNameACreator path ->
        match Lookup.at path (Json.Object event.Content) with
        | Some(Json.Object o) -> Levels.creators context |> List.exists o.Has
        | _ -> false

and selects (context: Context) (cited: Pdu) (selection: Selection) : bool =
    let key =
        match selection.Key with
        | SelectionKey.Empty -> Some ""
        | SelectionKey.User u -> Terms.user context u
        | SelectionKey.ThirdPartyToken -> Lookup.textAt [ "third_party_invite"; "signed"; "token" ] context.Case.Event

    cited.Type = selection.Type
    && cited.IsState
    && key = Option.ofObj cited.StateKey
    && holds context selection.When

and faulty (context: Context) (fault: AuthEventFault) : Pdu option =
    let cited = List.ofArray context.Case.Facts.AuthEvents

    match fault with
    | AuthEventFault.Rejected -> cited |> List.tryFind _.Rejected
    | AuthEventFault.Elsewhere -> cited |> List.tryFind (fun c -> c.Event.RoomId <> context.Case.Event.RoomId)
    | AuthEventFault.Unselected ->
        cited
        |> List.tryFind (fun c -> context.Case.Version.Selections |> List.forall (selects context c.Event >> not))
    | AuthEventFault.Duplicated ->
        cited
        |> List.indexed
        |> List.tryFind (fun (i, c) ->
            cited
            |> List.take i
            |> List.exists (fun d -> d.Event.Type = c.Event.Type && d.Event.StateKey = c.Event.StateKey))
        |> Option.map snd
    |> Option.map _.Event
