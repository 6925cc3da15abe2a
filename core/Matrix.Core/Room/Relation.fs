namespace Matrix.Core.Room

open Matrix.Core.Json

/// How an event relates to another. v1.19 client-server-api#forming-relationships-between-events
[<Sealed>]
type Relation private (parentId: string, relType: string, key: string | null) =

    static let text (o: JsonObject) (name: string) : string | null =
        match o.TryFind name with
        | ValueSome(Json.String s) -> s
        | _ -> null

    /// The event's parent: `event_id`.
    member _.ParentId = parentId

    /// `rel_type`.
    member _.RelType = relType

    /// An annotation's `key`; null for other relations.
    member _.Key = key

    /// The relation in an event's content; null if there is none or it is malformed, such as an annotation without a
    /// key.
    static member Of(content: JsonObject) : Relation | null =
        match content.TryFind "m.relates_to" with
        | ValueSome(Json.Object relates) ->
            match text relates "event_id", text relates "rel_type" with
            | null, _
            | _, null -> null
            | parent, relType when relType = "m.annotation" ->
                match text relates "key" with
                | null -> null
                | key -> Relation(parent, relType, key)
            | parent, relType -> Relation(parent, relType, null)
        | _ -> null
