/// Reading contents by path, and the state by type and state key.
[<RequireQualifiedAccess>]
module internal Matrix.Properties.Reference.Authorization.Lookup

open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Json

let rec at (path: Path) (json: Json) : Json option =
    match path, json with
    | [], _ -> Some json
    | key :: rest, Json.Object o ->
        match o.TryFind key with
        | ValueSome inner -> at rest inner
        | ValueNone -> None
    | _ -> None

let textAt (path: Path) (event: Pdu) : string option =
    match at path (Json.Object event.Content) with
    | Some(Json.String s) -> Some s
    | _ -> None

let found (context: Context) (eventType: string) (key: string) : Pdu option = context.Case.Find eventType key

let create (context: Context) = found context "m.room.create" ""

let settings (context: Context) = context.Case.Version.Settings
