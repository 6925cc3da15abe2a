namespace Matrix.Core.Sync

open System
open System.Collections.Generic
open Matrix.Core.Json
open Matrix.Core.Push

/// The fields of events to send to a client. v1.19 client-server-api#filtering, `event_fields`.
[<Sealed>]
type FieldMask private (whole: HashSet<string>, inner: Dictionary<string, FieldMask>) =

    static member internal OfPaths(paths: seq<string list>) : FieldMask =
        let whole = HashSet<string>(StringComparer.Ordinal)
        let below = Dictionary<string, List<string list>>(StringComparer.Ordinal)

        for path in paths do
            match path with
            | [] -> ()
            | [ name ] -> whole.Add name |> ignore
            | name :: rest ->
                match below.TryGetValue name with
                | true, paths -> paths.Add rest
                | _ -> below[name] <- List [ rest ]

        let inner = Dictionary<string, FieldMask>(StringComparer.Ordinal)

        for entry in below do
            if not (whole.Contains entry.Key) then
                inner[entry.Key] <- FieldMask.OfPaths entry.Value

        FieldMask(whole, inner)

    /// The mask of these dot-separated paths; null, for all fields, if there are none.
    static member internal Of(fields: string[] | null) : FieldMask | null =
        match fields with
        | null -> null
        | fields when fields.Length = 0 -> null
        | fields -> FieldMask.OfPaths(fields |> Seq.map (PropertyPath.parse >> Array.toList))

    /// The part of an object that the mask passes. Objects that become empty are left out.
    member _.Apply(event: JsonObject) : JsonObject =
        JsonObject.OfSeq [
            for struct (name, value) in event.Members do
                if whole.Contains name then
                    struct (name, value)
                else
                    match inner.TryGetValue name, value with
                    | (true, mask), Json.Object o ->
                        let left = mask.Apply o

                        if left.Count > 0 then
                            struct (name, Json.Object left)
                    | _ -> ()
        ]
