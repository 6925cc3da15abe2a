namespace Matrix.Core.Auth

open System
open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Json

/// Compiles conditions to functions of a context.
[<RequireQualifiedAccess>]
module internal Conditions =

    let rec private shape (wanted: Shape) : Json -> bool =
        match wanted with
        | Shape.False -> (fun json -> json = Json.Bool false)
        | Shape.Integer ->
            function
            | Json.Int _ -> true
            | _ -> false
        | Shape.Level values -> fun json -> (LevelValues.read values json).IsSome
        | Shape.UserId ->
            function
            | Json.String s -> UserId.isValid s
            | _ -> false
        | Shape.ListOf inner ->
            let inner = shape inner

            function
            | Json.Array items -> Array.forall inner items
            | _ -> false
        | Shape.ObjectOf inner ->
            let inner = shape inner
            let everyMember = everyMember (fun _ json -> inner json)

            function
            | Json.Object o -> everyMember o
            | _ -> false
        | Shape.UsersTo inner ->
            let inner = shape inner
            let everyMember = everyMember (fun key json -> UserId.isValid key && inner json)

            function
            | Json.Object o -> everyMember o
            | _ -> false

    and private everyMember (holds: string -> Json -> bool) (o: JsonObject) : bool =
        let mutable ok = true
        let mutable i = 0

        while ok && i < o.Count do
            ok <- holds (o.Key i) (o.Value i)
            i <- i + 1

        ok

    /// The index of the first auth event with a fault; -1 if there is none.
    let faulty (selections: CompiledSelection[]) (fault: AuthEventFault) : EvaluationContext -> int =
        let first (test: EvaluationContext -> int -> bool) (f: EvaluationContext) =
            let authEvents = f.Facts.AuthEvents
            let mutable i = 0

            while i < authEvents.Length && not (test f i) do
                i <- i + 1

            if i = authEvents.Length then -1 else i

        match fault with
        | AuthEventFault.Rejected -> first (fun f i -> f.Facts.AuthEvents[i].Rejected)
        | AuthEventFault.Elsewhere ->
            first (fun f i -> not (String.Equals(f.Facts.AuthEvents[i].Event.RoomId, f.RoomId)))
        | AuthEventFault.Duplicated ->
            first (fun f i ->
                let authEvents = f.Facts.AuthEvents
                let event = authEvents[i].Event
                let mutable j = 0

                while j < i
                      && not (
                          String.Equals(authEvents[j].Event.Type, event.Type)
                          && String.Equals(authEvents[j].Event.StateKey, event.StateKey)
                      ) do
                    j <- j + 1

                j < i)
        | AuthEventFault.Unselected ->
            first (fun f i ->
                let event = f.Facts.AuthEvents[i].Event
                let mutable j = 0

                while j < selections.Length && not (selections[j].Selects(f, event)) do
                    j <- j + 1

                j = selections.Length)

    let private membershipBit (m: Membership) : int =
        match m with
        | Membership.Absent -> 1
        | Membership.Invite -> 2
        | Membership.Join -> 4
        | Membership.Leave -> 8
        | Membership.Ban -> 16
        | Membership.Knock -> 32

    let private related (relation: Relation) : int64 -> int64 -> bool =
        match relation with
        | Relation.Below -> (fun a b -> a < b)
        | Relation.AtMost -> (fun a b -> a <= b)
        | Relation.AtLeast -> (fun a b -> a >= b)
        | Relation.Above -> (fun a b -> a > b)

    let private all (tests: (EvaluationContext -> bool)[]) : EvaluationContext -> bool =
        match tests with
        | [| a; b |] -> fun f -> a f && b f
        | [| a; b; c |] -> fun f -> a f && b f && c f
        | _ ->
            fun f ->
                let mutable i = 0

                while i < tests.Length && tests[i] f do
                    i <- i + 1

                i = tests.Length

    let private any (tests: (EvaluationContext -> bool)[]) : EvaluationContext -> bool =
        match tests with
        | [| a; b |] -> fun f -> a f || b f
        | _ ->
            fun f ->
                let mutable i = 0

                while i < tests.Length && not (tests[i] f) do
                    i <- i + 1

                i < tests.Length

    let private signedByKey (place: KeyPlace) (f: EvaluationContext) : bool =
        let verified = f.Facts.ThirdPartyKeys

        match f.ThirdPartyInvite with
        | null -> false
        | invitation ->
            match place with
            | KeyPlace.Single ->
                match ThirdPartyKeys.single invitation.Pdu with
                | null -> false
                | key -> Array.IndexOf(verified, key) >= 0
            | KeyPlace.Listed ->
                ThirdPartyKeys.listed invitation.Pdu
                |> Array.exists (fun key -> Array.IndexOf(verified, key) >= 0)

    let private namesACreator (path: string[]) (f: EvaluationContext) : bool =
        match Content.find f.Content path 0 with
        | ValueSome(Json.Object o) ->
            match f.Create with
            | null -> false
            | create ->
                let mutable i = 0

                while i < create.Creators.Length && not (o.Has create.Creators[i]) do
                    i <- i + 1

                i < create.Creators.Length
        | _ -> false

    /// Whether the room id is the create event's id with another sigil.
    let private roomOfCreate (f: EvaluationContext) : bool =
        match f.Create with
        | null -> false
        | create ->
            let id = create.Pdu.EventId

            f.RoomId.Length > 0
            && f.RoomId[0] = '!'
            && id.Length > 0
            && f.RoomId.AsSpan(1).SequenceEqual(id.AsSpan 1)

    /// A condition as a function of a context.
    let rec compile
        (isKnownVersion: string -> bool)
        (selections: CompiledSelection[])
        (condition: Condition)
        : EvaluationContext -> bool =
        let compile = compile isKnownVersion selections

        match condition with
        | Condition.Always -> fun _ -> true
        | Condition.Not inner ->
            let inner = compile inner
            fun f -> not (inner f)
        | Condition.And parts -> all (parts |> List.map compile |> Array.ofList)
        | Condition.Or parts -> any (parts |> List.map compile |> Array.ofList)
        | Condition.TypeIs eventType -> fun f -> String.Equals(f.Type, eventType)
        | Condition.HasStateKey -> fun f -> not (isNull f.StateKey)
        | Condition.StateKeyStartsWith prefix ->
            fun f ->
                match f.StateKey with
                | null -> false
                | key -> key.StartsWith(prefix, StringComparison.Ordinal)
        | Condition.HasPrevEvents -> fun f -> f.PrevEvents.Length > 0
        | Condition.HasRoomId -> _.Facts.HasRoomId
        | Condition.ContentHas path ->
            let path = Array.ofList path
            fun f -> (Content.find f.Content path 0).IsSome
        | Condition.ContentIs(path, wanted) ->
            let path = Array.ofList path
            let wanted = shape wanted

            fun f ->
                match Content.find f.Content path 0 with
                | ValueSome json -> wanted json
                | ValueNone -> false
        | Condition.MembershipIs membership ->
            match Spelling.ofMembership membership with
            | null -> fun _ -> false
            | word -> fun f -> String.Equals(Content.text f.Content "membership", word)
        | Condition.RoomVersionRecognised ->
            fun f ->
                match Content.text f.Content "room_version" with
                | null -> false
                | version -> isKnownVersion version
        | Condition.SameUser(a, b) ->
            let a, b = Terms.user a, Terms.user b

            fun f ->
                let x = a f
                not (isNull x) && String.Equals(x, b f)
        | Condition.SameServer(a, b) ->
            let a, b = Terms.server a, Terms.server b
            fun f -> Terms.sameServer (a f) (b f)
        | Condition.OnlyPrevEventIsCreate ->
            fun f ->
                f.PrevEvents.Length = 1
                && (match f.Create with
                    | null -> false
                    | create -> String.Equals(create.Pdu.EventId, f.PrevEvents[0]))
        | Condition.SomeAuthEvent fault ->
            let faulty = faulty selections fault
            fun f -> faulty f >= 0
        | Condition.AuthEventsHave eventType ->
            fun f ->
                let authEvents = f.Facts.AuthEvents
                let mutable i = 0

                while i < authEvents.Length
                      && not (String.Equals(authEvents[i].Event.Type, eventType)) do
                    i <- i + 1

                i < authEvents.Length
        | Condition.CreateEventAccepted -> roomOfCreate
        | Condition.SignedByServerOf user ->
            let server = Terms.server (Server.Of user)

            fun f ->
                let wanted = server f
                let signers = f.Facts.Signers
                let mutable i = 0

                while i < signers.Length && not (Terms.sameServer wanted (struct (signers[i], 0))) do
                    i <- i + 1

                i < signers.Length
        | Condition.ThirdPartySignedBy place -> signedByKey place
        | Condition.StateHas eventType -> fun f -> not (isNull (f.Find(eventType, "")))
        | Condition.StateContentIs(eventType, path, wanted) ->
            let path = Array.ofList path
            let wanted = shape wanted

            let find: EvaluationContext -> AuthEvent | null =
                if eventType = EventTypes.Create then
                    _.Create
                else
                    fun f -> f.Find(eventType, "")

            fun f ->
                match find f with
                | null -> false
                | event ->
                    match Content.find event.Pdu.Content path 0 with
                    | ValueSome json -> wanted json
                    | ValueNone -> false
        | Condition.MembershipIn(user, memberships) ->
            let user = Terms.user user
            let bits = memberships |> List.sumBy membershipBit
            fun f -> bits &&& membershipBit (f.MembershipOf(user f)) <> 0
        | Condition.JoinRuleIn rules ->
            let words = rules |> List.map Spelling.ofJoinRule |> Array.ofList
            fun f -> Array.IndexOf(words, f.JoinRule) >= 0
        | Condition.ThirdPartyInviteKnown -> fun f -> not (isNull f.ThirdPartyInvite)
        | Condition.Compare(a, relation, b) ->
            let a, b = Terms.power a, Terms.power b
            let related = related relation

            fun f ->
                let x = a f
                let y = b f
                x <> EvaluationContext.NoPower && y <> EvaluationContext.NoPower && related x y
        | Condition.NewIsNoLevel -> _.NewIsNoLevel
        | Condition.KeysNameACreator path -> namesACreator (Array.ofList path)

    /// A version's selection, compiled.
    let selections (rows: Selection list) : CompiledSelection[] = [|
        for row in rows ->
            CompiledSelection(row.Type, Terms.selectionKey row.Key, compile (fun _ -> false) [||] row.When)
    |]
