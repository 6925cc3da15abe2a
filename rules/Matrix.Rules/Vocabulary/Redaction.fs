namespace Matrix.Rules

/// What redaction leaves of the content of one event type.
[<RequireQualifiedAccess>]
type KeptContent =
    /// All of it.
    | Whole
    /// These members only. Each is a path from `content` down: `[ "third_party_invite"; "signed" ]` keeps the object
    /// `third_party_invite`, if there is one, with at most `signed` in it.
    | Paths of string list list

/// What redaction leaves of an event. Room versions, "Redactions".
type RedactionTable = {
    /// Members beside `content` that stay; `content` itself always stays, emptied as `Content` says.
    TopLevel: Set<string>
    /// By event type; of any other type, nothing in the content stays.
    Content: Map<string, KeptContent>
}

/// One change of a redaction table, as an amendment states it.
[<RequireQualifiedAccess>]
type RedactionEdit =
    /// The event's own members that are kept no longer.
    | DropTopLevel of string list
    /// A path of a type's content that is kept from now on.
    | Keep of eventType: string * path: string list
    /// All of a type's content is kept from now on.
    | KeepWhole of eventType: string
    /// Nothing of a type's content is kept from now on.
    | KeepNothing of eventType: string

/// Reading and changing redaction tables.
[<RequireQualifiedAccess>]
module Redaction =

    /// What is kept of the content of an event of this type.
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
