namespace Matrix.Core.Search

open System
open Matrix.Core.Event
open Matrix.Core.Json

/// The keys of events that can be searched. v1.19 client-server-api#server-side-search
type SearchKey =
    /// `content.body` of `m.room.message`.
    | Body = 0
    /// `content.name` of `m.room.name`.
    | Name = 1
    /// `content.topic` of `m.room.topic`, and the plain text of its `m.topic`.
    | Topic = 2

/// The text of an event that a search looks at.
[<Sealed>]
type SearchedText private (key: SearchKey, text: string) =

    static let find (o: JsonObject) name =
        match o.TryFind name with
        | ValueSome value -> value
        | ValueNone -> Json.Null

    /// The text/plain representation in an `m.topic`: the first that is of this type or names none.
    static let plain (content: JsonObject) : string | null =
        match find content "m.topic" with
        | Json.Object topic ->
            match find topic "m.text" with
            | Json.Array items ->
                let body item : string option =
                    match item with
                    | Json.Object o when not (o.Has "mimetype") || String.Equals(o.Text "mimetype", "text/plain") ->
                        Option.ofObj (o.Text "body")
                    | _ -> None

                Option.toObj (Array.tryPick body items)
            | _ -> null
        | _ -> null

    static let joined (a: string | null) (b: string | null) : string | null =
        match a, b with
        | null, other
        | other, null -> other
        | a, b when System.String.Equals(a, b) -> a
        | a, b -> a + "\n" + b

    static let made (key: SearchKey) (text: string | null) : SearchedText | null =
        match text with
        | null -> null
        | text -> SearchedText(key, text)

    /// Where the text stands.
    member _.Key = key

    /// The text.
    member _.Text = text

    /// The text of an event; null if it has none.
    static member Of(eventType: string, content: JsonObject) : SearchedText | null =
        match eventType with
        | EventTypes.Message -> made SearchKey.Body (content.Text "body")
        | EventTypes.Name -> made SearchKey.Name (content.Text "name")
        | EventTypes.Topic -> made SearchKey.Topic (joined (content.Text "topic") (plain content))
        | _ -> null

    /// The id of the event that this content replaces; null if it replaces none.
    /// v1.19 client-server-api#event-replacements
    static member ReplacedBy(content: JsonObject) : string | null =
        match find content "m.relates_to" with
        | Json.Object relates when System.String.Equals(relates.Text "rel_type", "m.replace") -> relates.Text "event_id"
        | _ -> null

    /// The content that replaces that of the earlier event; null if there is none.
    static member NewContent(content: JsonObject) : JsonObject | null =
        match find content "m.new_content" with
        | Json.Object replacement -> replacement
        | _ -> null
