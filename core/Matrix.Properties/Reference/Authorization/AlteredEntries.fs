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
    }

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

            for key in both -> entry [ name; key ] key
      ]

let alteration (entry: Entry) : Alteration option =
    match entry.Old, entry.New with
    | None, Some _ -> Some Alteration.Added
    | Some _, None -> Some Alteration.Removed
    | Some a, Some b when a <> b -> Some Alteration.Changed
    | _ -> None
