namespace Matrix.Rules

/// The content that redaction keeps for one event type.
[<RequireQualifiedAccess>]
type KeptContent =
    /// The whole content.
    | Whole
    /// Only these members. Each is a path in `content`: `[ "third_party_invite"; "signed" ]` keeps the object
    /// `third_party_invite`, if there is one, with at most `signed` in it.
    | Paths of string list list

/// The members that redaction keeps. v1.19 rooms/v11#redactions
type RedactionTable = {
    /// The kept members beside `content`. `content` itself is always kept, reduced as `Content` says.
    TopLevel: Set<string>
    /// By event type. The content of any other type is emptied.
    Content: Map<string, KeptContent>
}

/// One change to a redaction table.
[<RequireQualifiedAccess>]
type RedactionEdit =
    /// Members of the event that are no longer kept.
    | DropTopLevel of string list
    /// A path in a type's content that is now kept.
    | Keep of eventType: string * path: string list
    /// A type whose whole content is now kept.
    | KeepWhole of eventType: string
    /// A type whose content is now emptied.
    | KeepNothing of eventType: string

/// Reads and changes redaction tables.
[<RequireQualifiedAccess>]
module Redaction =

    /// The kept content of an event of this type.
    let keptOf (table: RedactionTable) (eventType: string) : KeptContent =
        match table.Content.TryFind eventType with
        | Some kept -> kept
        | None -> KeptContent.Paths []

    /// The table after one change.
    let apply (edit: RedactionEdit) (table: RedactionTable) : RedactionTable =
        match edit with
        | RedactionEdit.DropTopLevel keys -> {
            table with
                TopLevel = table.TopLevel - Set.ofList keys
          }
        | RedactionEdit.Keep(eventType, path) ->
            match keptOf table eventType with
            | KeptContent.Whole -> table
            | KeptContent.Paths paths -> {
                table with
                    Content = table.Content.Add(eventType, KeptContent.Paths(List.sort (path :: paths)))
              }
        | RedactionEdit.KeepWhole eventType -> {
            table with
                Content = table.Content.Add(eventType, KeptContent.Whole)
          }
        | RedactionEdit.KeepNothing eventType -> {
            table with
                Content = table.Content.Remove eventType
          }

    /// Each row by its name: `top-level`, or an event type.
    let rows (table: RedactionTable) : (string * string) list =
        ("top-level", table.TopLevel |> String.concat ", ")
        :: [
            for KeyValue(eventType, kept) in table.Content ->
                eventType,
                match kept with
                | KeptContent.Whole -> "everything"
                | KeptContent.Paths paths -> paths |> List.map (String.concat ".") |> String.concat ", "
        ]
