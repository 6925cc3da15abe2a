namespace Matrix.Proofs.Interpretation

open System
open System.Collections.Generic
open System.Numerics
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Rules

/// What a real case says of each word of the vocabulary. It reads the events themselves and nothing that the evaluators
/// made of them.
[<RequireQualifiedAccess>]
module CaseModels =

    let private limit = bigint Limits.Power

    /// Servers count levels beyond 64 bits as the nearest one that they can hold.
    let private within (n: bigint) : bigint =
        BigInteger.Max(-limit, BigInteger.Min(limit, n))

    let private isLevelText (s: string) : bool =
        let s = s.Trim()

        let digits =
            if s.StartsWith '-' || s.StartsWith '+' then
                s.Substring 1
            else
                s

        digits <> "" && digits |> Seq.forall Char.IsAsciiDigit

    let private levelOfText (s: string) : bigint =
        if isLevelText s then
            within (BigInteger.Parse(s.Trim()))
        else
            0I

    /// The level of a number that is no integer, or beyond 64 bits.
    let private levelOfFraction (json: Json option) : bigint =
        match json with
        | Some(Json.Float d) when Double.IsFinite d -> within (bigint (Math.Truncate d))
        | Some(Json.BigInt digits) -> within (BigInteger.Parse digits)
        | _ -> 0I

    let private domainOf (s: string) : string option =
        match s.IndexOf ':' with
        | -1 -> None
        | at -> Some(s.Substring(at + 1))

    /// The shortest user id that the text is, or begins with before an underscore.
    let private ownerOf (s: string) : string option =
        seq {
            for i in 0 .. s.Length - 1 do
                if s[i] = '_' then
                    s.Substring(0, i)

            s
        }
        |> Seq.tryFind UserId.isValid

    let rec private textsOf (json: Json) : string seq =
        match json with
        | Json.String s -> Seq.singleton s
        | Json.Array items -> Seq.collect textsOf items
        | Json.Object o ->
            o.Members
            |> Seq.collect (fun struct (key, value) -> Seq.append (Seq.singleton key) (textsOf value))
        | _ -> Seq.empty

    let rec private valuesOf (json: Json) : Json seq =
        Seq.append
            (Seq.singleton json)
            (match json with
             | Json.Array items -> Seq.collect valuesOf items
             | Json.Object o -> o.Members |> Seq.collect (fun struct (_, value) -> valuesOf value)
             | _ -> Seq.empty)

    let private listOf (json: Json option) : Json[] =
        match json with
        | Some(Json.Array items) -> items
        | _ -> [||]

    let private isUserId (json: Json) =
        match json with
        | Json.String s -> UserId.isValid s
        | _ -> false

    let private keysOf (place: string) (invitation: Pdu) : string list =
        match place, invitation.Content.TryFind place with
        | "public_key", ValueSome(Json.String key) -> [ key ]
        | "public_keys", ValueSome(Json.Array items) -> [
            for item in items do
                match item with
                | Json.Object o ->
                    match o.TryFind "public_key" with
                    | ValueSome(Json.String key) -> key
                    | _ -> ()
                | _ -> ()
          ]
        | _ -> []

    /// The case, and who sent the redacted event, if the question is whether a redaction is applied.
    let ofCase (literals: string list) (redacted: string option) (case: AuthCase) : CaseModel =
        let event, state, facts = case.Event, case.State, case.Facts
        let events = [ event; yield! state.Values ]
        let cited = facts.AuthEvents

        let texts =
            seq {
                yield! literals
                "a text that is nowhere else"

                for e in Seq.append events [ for c in cited -> c.Event ] do
                    e.Sender
                    e.Type
                    yield! Option.toList (Option.ofObj e.StateKey)
                    yield! textsOf (Json.Object e.Content)

                yield! Option.toList redacted
            }
            |> Seq.distinct
            |> List.ofSeq

        let texts =
            texts @ List.choose domainOf texts @ List.choose ownerOf texts |> List.distinct

        let places = Dictionary<string, int>()

        texts
        |> List.sortWith (fun a b -> JsonObject.CompareKeys(a, b))
        |> List.iteri (fun i s -> places[s] <- i)

        let jsons =
            events
            |> Seq.collect (fun e -> valuesOf (Json.Object e.Content))
            |> Seq.map Some
            |> Seq.append [ None ]
            |> Seq.distinct

        let create = state.TryFind("m.room.create", "")

        let invitation =
            match event.Content.TryFind "third_party_invite" with
            | ValueSome(Json.Object o) ->
                match o.TryFind "signed" with
                | ValueSome(Json.Object signed) ->
                    match signed.TryFind "token" with
                    | ValueSome(Json.String token) -> state.TryFind("m.room.third_party_invite", token)
                    | _ -> None
                | _ -> None
            | _ -> None

        let signedBy (place: string) =
            invitation
            |> Option.exists (fun e ->
                keysOf place e
                |> List.exists (fun key -> Array.contains key facts.ThirdPartyKeys))

        let found (arguments: CaseValue[]) : Pdu option =
            match arguments with
            | [| CaseValue.Text eventType; CaseValue.Text key |] -> state.TryFind(eventType, key)
            | _ -> None

        let citedOf (value: CaseValue) =
            match value with
            | CaseValue.Cited i when i < cited.Length -> Some cited[i]
            | _ -> None

        let text (s: string option) =
            CaseValue.Text(Option.defaultValue "" s)

        let stateKey = Option.ofObj event.StateKey
        let redacts = Option.ofObj event.Redacts

        let isKnown =
            match event.Content.TryFind "room_version" with
            | ValueSome(Json.String id) -> id = case.Version.Id || Versions.isKnown id
            | _ -> false

        let apply (name: string) (arguments: CaseValue[]) : CaseValue =
            match name, arguments with
            | "is-user-id", [| CaseValue.Text s |] -> CaseValue.Bool(UserId.isValid s)
            | "plain-has-domain", [| CaseValue.Text s |] -> CaseValue.Bool (domainOf s).IsSome
            | "domain", [| CaseValue.Text s |] -> text (domainOf s)
            | "plain-starts-with-at", [| CaseValue.Text s |] -> CaseValue.Bool(s.StartsWith '@')
            | "starts-with", [| CaseValue.Text prefix; CaseValue.Text s |] ->
                CaseValue.Bool(s.StartsWith(prefix, StringComparison.Ordinal))
            | "plain-has-owner", [| CaseValue.Text s |] -> CaseValue.Bool (ownerOf s).IsSome
            | "owner", [| CaseValue.Text s |] -> text (ownerOf s)
            | "is-level-text", [| CaseValue.Text s |] -> CaseValue.Bool(isLevelText s)
            | "level-of-text", [| CaseValue.Text s |] -> CaseValue.Int(levelOfText s)
            | "place", [| CaseValue.Text s |] ->
                match places.TryGetValue s with
                | true, place -> CaseValue.Int(bigint place)
                | _ -> CaseValue.Int -1I
            | "get", [| CaseValue.Json(Some(Json.Object o)); CaseValue.Text key |] ->
                match o.TryFind key with
                | ValueSome json -> CaseValue.Json(Some json)
                | ValueNone -> CaseValue.Json None
            | "get", _ -> CaseValue.Json None
            | "integer-value", [| CaseValue.Json(Some(Json.Int n)) |] -> CaseValue.Int(within (bigint n))
            | "integer-value", _ -> CaseValue.Int 0I
            | "text-value", [| CaseValue.Json(Some(Json.String s)) |] -> CaseValue.Text s
            | "text-value", _ -> CaseValue.Text ""
            | "fraction-level", [| CaseValue.Json json |] -> CaseValue.Int(levelOfFraction json)
            | "plain-contains", [| CaseValue.Json json; CaseValue.Text s |] ->
                CaseValue.Bool(listOf json |> Array.contains (Json.String s))
            | "plain-lists-user-ids", [| CaseValue.Json json |] -> CaseValue.Bool(listOf json |> Array.forall isUserId)
            | "in-state", _ -> CaseValue.Bool (found arguments).IsSome
            | "state-content", _ -> CaseValue.Json(found arguments |> Option.map (fun e -> Json.Object e.Content))
            | "state-sender", _ -> text (found arguments |> Option.map _.Sender)
            | "event-type", _ -> CaseValue.Text event.Type
            | "event-sender", _ -> CaseValue.Text event.Sender
            | "event-has-state-key", _ -> CaseValue.Bool stateKey.IsSome
            | "event-state-key", _ -> text stateKey
            | "event-content", _ -> CaseValue.Json(Some(Json.Object event.Content))
            | "event-has-previous", _ -> CaseValue.Bool(event.PrevEvents.Length > 0)
            | "plain-previous-is-create", _ ->
                CaseValue.Bool(create |> Option.exists (fun e -> event.PrevEvents = [| e.EventId |]))
            | "event-has-room-id", _ -> CaseValue.Bool facts.HasRoomId
            | "room-has-domain", _ -> CaseValue.Bool (domainOf event.RoomId).IsSome
            | "room-domain", _ -> text (domainOf event.RoomId)
            | "plain-room-is-create", _ ->
                CaseValue.Bool(create |> Option.exists (fun e -> event.RoomId = "!" + e.EventId.Substring 1))
            | "event-id-has-domain", _ -> CaseValue.Bool (domainOf event.EventId).IsSome
            | "event-id-domain", _ -> text (domainOf event.EventId)
            | "redacts-has-domain", _ -> CaseValue.Bool (redacts |> Option.bind domainOf).IsSome
            | "redacts-domain", _ -> text (redacts |> Option.bind domainOf)
            | "redacted-is-known", _ -> CaseValue.Bool redacted.IsSome
            | "redacted-sender", _ -> text redacted
            | "version-is-known", _ -> CaseValue.Bool isKnown
            | "is-signed-by", [| CaseValue.Text s |] -> CaseValue.Bool(Array.contains s facts.Signers)
            | "plain-third-party-signed-single", _ -> CaseValue.Bool(signedBy "public_key")
            | "plain-third-party-signed-listed", _ -> CaseValue.Bool(signedBy "public_keys")
            | "is-cited", [| c |] -> CaseValue.Bool (citedOf c).IsSome
            | "cited-type", [| c |] -> text (citedOf c |> Option.map _.Event.Type)
            | "cited-has-key", [| c |] -> CaseValue.Bool(citedOf c |> Option.exists _.Event.IsState)
            | "cited-key", [| c |] -> text (citedOf c |> Option.bind (fun c -> Option.ofObj c.Event.StateKey))
            | "cited-is-rejected", [| c |] -> CaseValue.Bool(citedOf c |> Option.exists _.Rejected)
            | "cited-is-elsewhere", [| c |] ->
                CaseValue.Bool(citedOf c |> Option.exists (fun c -> c.Event.RoomId <> event.RoomId))
            | _ -> CaseValue.Bool false

        {
            Apply = apply
            Texts = [| for s in texts -> CaseValue.Text s |]
            Cited = [| for i in 0 .. max 0 (cited.Length - 1) -> CaseValue.Cited i |]
            Jsons = [| for json in jsons -> CaseValue.Json json |]
        }
