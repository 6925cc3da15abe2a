/// The entries of the power levels before and after, and how each was altered.
[<RequireQualifiedAccess>]
module internal Matrix.Properties.Reference.Authorization.AlteredEntries

open Matrix.Rules
open Matrix.Core.Json

let entriesOf (context: Context) (entries: Entries) : Entry list =
    let event = Json.Object context.Case.Event.Content
    let values = (Lookup.settings context).PowerLevelValues

    let entry path key = {
        Key = key
        Old = Lookup.at path (Levels.levels context) |> Option.bind (Levels.levelOf values)
        New = Lookup.at path event |> Option.bind (Levels.levelOf values)
        NewIsMalformed =
            match Lookup.at path event with
            | Some json ->
                (Levels.levelOf values json).IsNone
                && Lookup.at path (Levels.levels context) <> Some json
            | None -> false
    }

    // A map that is not an object, and was not the same before, is an entry with the map's name.
    let malformedMap name =
        match Lookup.at [ name ] event with
        | Some(Json.Object _)
        | None -> []
        | Some json when Lookup.at [ name ] (Levels.levels context) = Some json -> []
        | Some _ -> [
            {
                Key = name
                Old = None
                New = None
                NewIsMalformed = true
            }
          ]

    let keys json =
        match json with
        | Some(Json.Object o) -> [ for struct (k, _) in o.Members -> k ]
        | _ -> []

    match entries with
    | Entries.Members names -> [ for name in names -> entry [ name ] name ]
    | Entries.Inside names -> [
        for name in names do
            let both =
                keys (Lookup.at [ name ] (Levels.levels context))
                @ keys (Lookup.at [ name ] event)
                |> List.distinct
                |> List.sortWith (fun a b -> JsonObject.CompareKeys(a, b))

            yield! malformedMap name

            for key in both do
                entry [ name; key ] key
      ]

let alteration (entry: Entry) : Alteration option =
    match entry.Old, entry.New with
    | None, _ when entry.NewIsMalformed -> Some Alteration.Added
    | _, None when entry.NewIsMalformed -> Some Alteration.Changed
    | None, Some _ -> Some Alteration.Added
    | Some _, None -> Some Alteration.Removed
    | Some a, Some b when a <> b -> Some Alteration.Changed
    | _ -> None
