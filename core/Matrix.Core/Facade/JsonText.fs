namespace Matrix.Core.Facade

open System
open System.Runtime.InteropServices
open Matrix.Core.Json

/// JSON, for the host.
[<AbstractClass; Sealed>]
type JsonText private () =

    /// Bounds of an event: 64 KiB of canonical JSON, and room for `unsigned` and white space.
    static member EventLimits = JsonLimits.event

    /// Bounds of a request body of the Client-Server API.
    static member ClientBodyLimits = JsonLimits.clientBody

    /// Bounds of a transaction or a state response of another server.
    static member FederationBodyLimits = JsonLimits.federationBody

    /// Parses a text. If false, `error` says why and where, and `value` is null.
    static member TryParse
        (
            utf8: ReadOnlySpan<byte>,
            reading: Reading,
            limits: JsonLimits,
            [<Out>] value: byref<Json>,
            [<Out>] error: byref<JsonError>
        ) : bool =
        match JsonReader.Parse(utf8, reading, limits) with
        | Ok json ->
            value <- json
            true
        | Error e ->
            value <- Json.Null
            error <- e
            false

    /// Parses a text that must be an object. If false, `error` says why and where, and `value` is empty.
    static member TryParseObject
        (
            utf8: ReadOnlySpan<byte>,
            reading: Reading,
            limits: JsonLimits,
            [<Out>] value: byref<JsonObject>,
            [<Out>] error: byref<JsonError>
        ) : bool =
        match JsonReader.ParseObject(utf8, reading, limits) with
        | Ok json ->
            value <- json
            true
        | Error e ->
            value <- JsonObject.Empty
            error <- e
            false

    /// Parses a stored object of any size.
    static member TryParseStored(utf8: ReadOnlySpan<byte>, [<Out>] value: byref<JsonObject>) : bool =
        let limits = {
            JsonLimits.federationBody with
                Bytes = max utf8.Length 1
        }

        let mutable error = Unchecked.defaultof<JsonError>
        JsonText.TryParseObject(utf8, Reading.Client, limits, &value, &error)

    /// Parses a stored array of any size.
    static member TryParseArray(utf8: ReadOnlySpan<byte>, [<Out>] value: byref<Json[]>) : bool =
        let limits = {
            JsonLimits.federationBody with
                Bytes = max utf8.Length 1
        }

        match JsonReader.Parse(utf8, Reading.Client, limits) with
        | Ok(Json.Array items) ->
            value <- items
            true
        | _ ->
            value <- [||]
            false

    /// The value of a member. If false, it is absent, and `value` is null.
    static member TryGet(o: JsonObject, key: string, [<Out>] value: byref<Json>) : bool =
        match o.TryFind key with
        | ValueSome v ->
            value <- v
            true
        | ValueNone ->
            value <- Json.Null
            false

    /// Whether an object is nested no deeper than an event may be.
    static member FitsEvents(o: JsonObject) : bool =
        let rec fits depth json =
            match json with
            | Json.Array items -> depth > 0 && Array.forall (fits (depth - 1)) items
            | Json.Object o ->
                depth > 0
                && Seq.forall (fun i -> fits (depth - 1) (o.Value i)) (seq { 0 .. o.Count - 1 })
            | _ -> true

        fits JsonLimits.event.Depth (Json.Object o)

    /// The canonical bytes of a value.
    static member Write(json: Json) : byte[] = CanonicalJson.bytes json

    /// The canonical bytes of an object.
    static member Write(o: JsonObject) : byte[] = CanonicalJson.bytes (Json.Object o)
