namespace Matrix.Core.Auth

open System
open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Ident

/// Compiles the users, servers and powers of rules to functions of a context.
[<RequireQualifiedAccess>]
module internal Terms =

    let private authorising = [| "join_authorised_via_users_server" |]
    let private mxid = [| "third_party_invite"; "signed"; "mxid" |]

    /// The user id, or null.
    let user (term: User) : EvaluationContext -> string | null =
        match term with
        | User.Sender -> fun f -> f.Sender
        | User.StateKey -> _.StateKey
        | User.ContentCreator ->
            fun f ->
                match f.Create with
                | null -> null
                | create -> Content.text create.Pdu.Content "creator"
        | User.CreateSender ->
            fun f ->
                match f.Create with
                | null -> null
                | create -> create.Pdu.Sender
        | User.Authorising -> fun f -> f.Text authorising
        | User.ThirdPartyMxid -> fun f -> f.Text mxid
        | User.ThirdPartyInviter ->
            fun f ->
                match f.ThirdPartyInvite with
                | null -> null
                | invitation -> invitation.Pdu.Sender
        | User.EntryKey -> _.EntryKey
        | User.StateKeyOwner ->
            fun f ->
                match f.StateKey with
                | null -> null
                | key -> UserId.owner key
        | User.RedactedSender -> _.RedactedSender

    let private domainOf (id: string | null) : struct (string | null * int) =
        match id with
        | null -> struct (null, 0)
        | id ->
            match id.IndexOf ':' with
            | -1 -> struct (null, 0)
            | colon -> struct (id, colon + 1)

    /// A string, and the index in it at which the domain begins; null if there is none.
    let server (term: Server) : EvaluationContext -> struct (string | null * int) =
        match term with
        | Server.Of u ->
            let user = user u
            fun f -> domainOf (user f)
        | Server.OfRoomId -> fun f -> domainOf f.RoomId
        | Server.OfEventId -> fun f -> domainOf f.EventId
        | Server.OfRedacts -> fun f -> domainOf f.Redacts
        | Server.InStateKey -> fun f -> struct (f.StateKey, 0)

    /// The domain as a string, or null.
    let serverText (term: Server) (context: EvaluationContext) : string | null =
        match server term context with
        | struct (null, _) -> null
        | struct (text, start) -> text.Substring start

    /// A named level of the room.
    let level (level: NamedLevel) (context: EvaluationContext) : int64 =
        match level with
        | NamedLevel.Invite -> context.Levels.Invite
        | NamedLevel.Kick -> context.Levels.Kick
        | NamedLevel.Ban -> context.Levels.Ban
        | NamedLevel.Redact -> context.Levels.Redact

    /// The power, or `EvaluationContext.NoPower`.
    let power (term: Power) : EvaluationContext -> int64 =
        match term with
        | Power.Of u ->
            let user = user u
            fun f -> f.PowerOf(user f)
        | Power.Level named -> level named
        | Power.Constant level -> fun _ -> level
        | Power.Required -> fun f -> f.Levels.Required(f.Type, not (isNull f.StateKey))
        | Power.Old -> _.Old
        | Power.New -> _.New

    /// The state key that a selection names, or null.
    let selectionKey (key: SelectionKey) : EvaluationContext -> string | null =
        match key with
        | SelectionKey.Empty -> fun _ -> ""
        | SelectionKey.User u -> user u
        | SelectionKey.ThirdPartyToken -> _.ThirdPartyToken

    /// Whether two servers, each given as string and index, exist and are the same.
    let sameServer (struct (a: string | null, i: int)) (struct (b: string | null, j: int)) : bool =
        match a, b with
        | null, _
        | _, null -> false
        | a, b -> a.AsSpan(i).SequenceEqual(b.AsSpan j)

/// One row of the auth events selection, compiled.
[<Sealed>]
type internal CompiledSelection
    (eventType: string, key: EvaluationContext -> string | null, applies: EvaluationContext -> bool) =
    member _.Type = eventType
    member _.Key(context: EvaluationContext) : string | null = key context
    member _.Applies(context: EvaluationContext) : bool = applies context

    /// Whether this row selects an event of that type and state key.
    member _.Selects(context: EvaluationContext, event: Pdu) : bool =
        String.Equals(event.Type, eventType)
        && not (isNull event.StateKey)
        && String.Equals(event.StateKey, key context)
        && applies context
