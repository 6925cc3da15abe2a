namespace Matrix.Core.Event

open System
open System.Collections.Generic
open Matrix.Core.Json
open Matrix.Rules

/// A content member that redaction keeps, whole or in part.
[<Sealed>]
type private KeptMember(key: string, whole: bool, inner: KeptMember[]) =
    member _.Key = key
    member _.Whole = whole
    member _.Inner = inner

/// A redaction table, prepared once for its room version. v1.19 rooms/v11#redactions
[<Sealed>]
type Redactor(table: RedactionTable) =

    static let rec grow (paths: string list list) : KeptMember[] =
        paths
        |> List.filter (List.isEmpty >> not)
        |> List.groupBy List.head
        |> List.map (fun (key, paths) ->
            let rests = paths |> List.map List.tail
            KeptMember(key, List.exists List.isEmpty rests, grow rests))
        |> List.toArray

    static let find (kept: KeptMember[]) (key: string) : KeptMember | null =
        let mutable i = 0

        while i < kept.Length && not (String.Equals(kept[i].Key, key)) do
            i <- i + 1

        if i = kept.Length then null else kept[i]

    static let rec keep (kept: KeptMember[]) (o: JsonObject) : JsonObject =
        if kept.Length = 0 || o.Count = 0 then
            JsonObject.Empty
        else
            let keys = List<string>()
            let values = List<Json>()

            for i in 0 .. o.Count - 1 do
                match find kept (o.Key i) with
                | null -> ()
                | m when m.Whole ->
                    keys.Add(o.Key i)
                    values.Add(o.Value i)
                | m ->
                    match o.Value i with
                    | Json.Object inner ->
                        keys.Add(o.Key i)
                        values.Add(Json.Object(keep m.Inner inner))
                    | _ -> ()

            JsonObject(keys.ToArray(), values.ToArray())

    let topLevel = HashSet<string>(Seq.append [ "content" ] table.TopLevel)

    let whole = HashSet<string>()
    let byType = Dictionary<string, KeptMember[]>()

    do
        for KeyValue(eventType, kept) in table.Content do
            match kept with
            | KeptContent.Whole -> whole.Add eventType |> ignore
            | KeptContent.Paths paths -> byType[eventType] <- grow paths

    /// Whether redaction keeps a top-level member; `content` is kept in part.
    member _.Keeps(key: string) : bool = topLevel.Contains key

    /// Whether redaction keeps the whole content of events of this type.
    member _.KeepsContentOf(eventType: string) : bool = whole.Contains eventType

    /// The redacted content of an event of this type.
    member _.Content(eventType: string, content: JsonObject) : JsonObject =
        if whole.Contains eventType then
            content
        else
            match byType.TryGetValue eventType with
            | true, kept -> keep kept content
            | _ -> JsonObject.Empty

    /// The redacted event, in the form that servers exchange.
    member this.Redact(event: JsonObject) : JsonObject =
        let eventType =
            match event.TryFind "type" with
            | ValueSome(Json.String t) -> t
            | _ -> ""

        let keys = List<string>()
        let values = List<Json>()

        for i in 0 .. event.Count - 1 do
            let key = event.Key i

            if topLevel.Contains key then
                keys.Add key

                values.Add(
                    match event.Value i with
                    | Json.Object content when key = "content" -> Json.Object(this.Content(eventType, content))
                    | value -> value
                )

        JsonObject(keys.ToArray(), values.ToArray())
