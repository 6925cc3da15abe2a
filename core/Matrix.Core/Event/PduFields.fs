namespace Matrix.Core.Event

open System
open Matrix.Core.Ident
open Matrix.Core.Json

/// The members that every event has.
type internal PduFields = {
    /// "" for a create event whose room id is derived from it.
    RoomId: string
    /// "" unless servers choose event ids in the room version.
    EventId: string
    Sender: string
    Type: string
    StateKey: string | null
    OriginServerTs: int64
    Depth: int64
    Content: JsonObject
    PrevEvents: string[]
    AuthEvents: string[]
    Redacts: string | null
}

/// Reads members of an event and remembers the first fault.
[<Sealed>]
type private FieldReader(event: JsonObject) =
    let mutable fault: PduFault voption = ValueNone

    member _.Fault = fault

    member _.Fail(f: PduFault) =
        if fault.IsNone then
            fault <- ValueSome f

    member this.Text(key: string) : string =
        match event.TryFind key with
        | ValueSome(Json.String s) -> s
        | ValueSome _ ->
            this.Fail(PduFault.WrongType(key, "a string"))
            ""
        | ValueNone ->
            this.Fail(PduFault.Missing key)
            ""

    /// A string of at most 255 bytes.
    member this.ShortText(key: string) : string =
        let s = this.Text key

        if not (Ident.fits s) then
            this.Fail(PduFault.KeyTooLong(key, Ident.bytes s, EventLimits.MaxKeyBytes))

        s

    member this.OptionalText(key: string) : string | null =
        match event.TryFind key with
        | ValueNone -> null
        | ValueSome _ -> this.ShortText key

    member this.Id(key: string, check: string -> Result<string, IdentError>) : string =
        let s = this.Text key

        if fault.IsNone then
            match check s with
            | Ok _ -> ()
            | Error reason -> this.Fail(PduFault.BadId(key, reason))

        s

    member this.Int(key: string) : int64 =
        match event.TryFind key with
        | ValueSome(Json.Int n) -> n
        | ValueSome(Json.BigInt _) ->
            this.Fail(PduFault.WrongType(key, "an integer of 64 bits"))
            0L
        | ValueSome _ ->
            this.Fail(PduFault.WrongType(key, "an integer"))
            0L
        | ValueNone ->
            this.Fail(PduFault.Missing key)
            0L

    member this.Object(key: string) : JsonObject =
        match event.TryFind key with
        | ValueSome(Json.Object o) -> o
        | ValueSome _ ->
            this.Fail(PduFault.WrongType(key, "an object"))
            JsonObject.Empty
        | ValueNone ->
            this.Fail(PduFault.Missing key)
            JsonObject.Empty

    /// A list of event ids, alone or with hashes, in any form.
    member this.TrustedReferences(key: string) : string[] =
        match event.TryFind key with
        | ValueSome(Json.Array items) ->
            items
            |> Array.map (fun item ->
                match item with
                | Json.String id
                | Json.Array [| Json.String id; Json.Object _ |] -> id
                | _ ->
                    this.Fail(PduFault.WrongType(key, "a list of event ids"))
                    "")
        | ValueSome _ ->
            this.Fail(PduFault.WrongType(key, "a list"))
            [||]
        | ValueNone ->
            this.Fail(PduFault.Missing key)
            [||]

    /// Event ids, or pairs of an event id and its hashes. Only the sigil is checked: an impossible id names an event
    /// that cannot be found.
    member this.References(key: string, withHashes: bool, limit: int) : string[] =
        match event.TryFind key with
        | ValueSome(Json.Array items) when items.Length > limit ->
            this.Fail(PduFault.TooManyReferences(key, items.Length, limit))
            [||]
        | ValueSome(Json.Array items) ->
            let ids = Array.create items.Length ""

            for i in 0 .. items.Length - 1 do
                let id =
                    match items[i] with
                    | Json.String id when not withHashes -> id
                    | Json.Array [| Json.String id; Json.Object _ |] when withHashes -> id
                    | _ -> ""

                if id.Length = 0 then
                    let expected =
                        if withHashes then
                            "a list of pairs of an event id and hashes"
                        else
                            "a list of event ids"

                    this.Fail(PduFault.WrongType(key, expected))
                elif id[0] <> '$' then
                    this.Fail(PduFault.BadId(key, IdentError.Sigil '$'))
                elif not (Ident.fits id) then
                    this.Fail(PduFault.BadId(key, IdentError.TooLong(Ident.bytes id, Ident.MaxBytes)))

                ids[i] <- id

            ids
        | ValueSome _ ->
            this.Fail(PduFault.WrongType(key, "a list"))
            [||]
        | ValueNone ->
            this.Fail(PduFault.Missing key)
            [||]

    /// Checks `hashes` and `signatures`, which every exchanged event must have.
    member this.Seal() =
        match (this.Object "hashes").TryFind "sha256" with
        | ValueSome(Json.String _) -> ()
        | ValueSome _ -> this.Fail(PduFault.WrongType("hashes.sha256", "a string"))
        | ValueNone -> this.Fail(PduFault.Missing "hashes.sha256")

        let signatures = this.Object "signatures"

        for i in 0 .. signatures.Count - 1 do
            match signatures.Value i with
            | Json.Object keys ->
                for j in 0 .. keys.Count - 1 do
                    match keys.Value j with
                    | Json.String _ -> ()
                    | _ -> this.Fail(PduFault.WrongType("signatures", "an object of objects of strings"))
            | _ -> this.Fail(PduFault.WrongType("signatures", "an object of objects of strings"))

        match event.TryFind "unsigned" with
        | ValueNone
        | ValueSome(Json.Object _) -> ()
        | ValueSome _ -> this.Fail(PduFault.WrongType("unsigned", "an object"))

/// Reads an event's members, by the format of its room version.
[<RequireQualifiedAccess>]
module internal PduFields =

    let private tooDeep: PduFault voption =
        ValueSome(
            PduFault.Unreadable {
                Fault = JsonFault.TooDeep JsonLimits.event.Depth
                Offset = 0
            }
        )

    /// The first fault among the values of an event: nesting deeper than `depth` and, in a strict version, numbers that
    /// canonical JSON does not allow. It is one walk, before anything else reads the event.
    let rec private valueFault (strict: bool) (depth: int) (json: Json) : PduFault voption =
        match json with
        | Json.Float _
        | Json.BigInt _ when strict -> ValueSome PduFault.NotCanonical
        | Json.Int n when strict && (n > Numbers.MaxInteger || n < -Numbers.MaxInteger) ->
            ValueSome PduFault.NotCanonical
        | Json.Array items ->
            if depth = 0 then
                tooDeep
            else
                let mutable fault = ValueNone
                let mutable i = 0

                while fault.IsNone && i < items.Length do
                    fault <- valueFault strict (depth - 1) items[i]
                    i <- i + 1

                fault
        | Json.Object o -> membersFault strict depth o
        | _ -> ValueNone

    and private membersFault (strict: bool) (depth: int) (o: JsonObject) : PduFault voption =
        if depth = 0 then
            tooDeep
        else
            let mutable fault = ValueNone
            let mutable i = 0

            while fault.IsNone && i < o.Count do
                fault <- valueFault strict (depth - 1) (o.Value i)
                i <- i + 1

            fault

    /// The first fault among the values of an event or its content.
    let valuesFault (strict: bool) (o: JsonObject) : PduFault voption =
        membersFault strict JsonLimits.event.Depth o

    /// The event that a redaction names, read where its room version puts it.
    let redacts (format: EventFormat) (eventType: string) (event: JsonObject) (content: JsonObject) : string | null =
        if eventType <> EventTypes.Redaction then
            null
        else
            match (if format.RedactsOnTop then event else content).TryFind "redacts" with
            | ValueSome(Json.String id) -> id
            | _ -> null

    /// The checked members of an event. `isSealed` says that the event has hashes and signatures, `isLimited` that the
    /// number of its references is limited.
    let read
        (format: EventFormat)
        (event: JsonObject)
        (isSealed: bool)
        (isLimited: bool)
        : Result<PduFields, PduFault> =
        let r = FieldReader event

        let orAny limit =
            if isLimited then limit else Int32.MaxValue

        let strict = format.Version.Settings.Json = Matrix.Rules.JsonStrictness.Strict

        match valuesFault strict event with
        | ValueSome fault -> r.Fail fault
        | ValueNone -> ()

        let eventType = r.ShortText "type"

        let roomId =
            if not format.RoomIdIsHash then
                r.Id("room_id", RoomId.checkWithServer)
            elif eventType <> EventTypes.Create then
                r.Id("room_id", RoomId.checkHash)
            else
                // The authorization rules reject a create event with a room id.
                ""

        let eventId =
            if format.AssignsIds then
                r.Id("event_id", EventId.checkWithServer)
            else
                ""

        let sender = r.Id("sender", UserId.check)
        let stateKey = r.OptionalText "state_key"
        let ts = r.Int "origin_server_ts"
        let depth = r.Int "depth"
        let deepest = format.Version.Settings.MaximumDepth

        if depth < 0L || depth > deepest then
            r.Fail(PduFault.DepthOutOfRange(depth, deepest))

        let content = r.Object "content"

        let prev =
            r.References("prev_events", format.ReferencesCarryHashes, orAny EventLimits.MaxPrevEvents)

        let auth =
            r.References("auth_events", format.ReferencesCarryHashes, orAny EventLimits.MaxAuthEvents)

        if format.RedactsOnTop && event.Has "redacts" then
            r.Text "redacts" |> ignore

        if isSealed then
            r.Seal()

        match r.Fault with
        | ValueSome fault -> Error fault
        | ValueNone ->
            Ok {
                RoomId = roomId
                EventId = eventId
                Sender = sender
                Type = eventType
                StateKey = stateKey
                OriginServerTs = ts
                Depth = depth
                Content = content
                PrevEvents = prev
                AuthEvents = auth
                Redacts = redacts format eventType event content
            }

    /// The members of an event that was written by hand or copied from a log. Identifiers are not checked.
    let readTrusted (format: EventFormat) (event: JsonObject) : Result<PduFields, PduFault> =
        let r = FieldReader event
        let strict = format.Version.Settings.Json = Matrix.Rules.JsonStrictness.Strict

        match valuesFault strict event with
        | ValueSome fault -> r.Fail fault
        | ValueNone -> ()

        let eventType = r.ShortText "type"
        let isCreate = format.RoomIdIsHash && eventType = EventTypes.Create
        let content = r.Object "content"

        let fields = {
            RoomId = if isCreate then "" else r.Text "room_id"
            EventId = r.Text "event_id"
            Sender = r.Id("sender", UserId.check)
            Type = eventType
            StateKey = r.OptionalText "state_key"
            OriginServerTs = r.Int "origin_server_ts"
            Depth = if event.Has "depth" then r.Int "depth" else 0L
            Content = content
            PrevEvents = r.TrustedReferences "prev_events"
            AuthEvents = r.TrustedReferences "auth_events"
            Redacts = redacts format eventType event content
        }

        match r.Fault with
        | ValueSome fault -> Error fault
        | ValueNone -> Ok fields

    /// The event id with this reference hash.
    let idOfHash (format: EventFormat) (referenceHash: byte[]) : string =
        match format.Version.Settings.EventIds with
        | Matrix.Rules.EventIdForm.UrlSafeHash -> EventId.ofHashUrlSafe (ReadOnlySpan<byte> referenceHash)
        | _ -> EventId.ofHashStandard (ReadOnlySpan<byte> referenceHash)

    /// The parsed event.
    let toPdu
        (format: EventFormat)
        (fields: PduFields)
        (eventId: string)
        (content: JsonObject)
        (canonical: byte[])
        : Pdu =
        let roomId =
            if fields.RoomId = "" then
                RoomId.ofCreateEvent eventId
            else
                fields.RoomId

        Pdu(
            format.VersionId,
            eventId,
            roomId,
            fields.Sender,
            fields.Type,
            fields.StateKey,
            fields.OriginServerTs,
            fields.Depth,
            content,
            fields.PrevEvents,
            fields.AuthEvents,
            fields.Redacts,
            canonical
        )
