namespace Matrix.Properties.Vectors

open System
open Matrix.Core.Json
open Matrix.Rules

/// All tables of a version as JSON, and back: the form of `mx rules show --format json`. `docs/rules-json.md`.
[<RequireQualifiedAccess>]
module RuleTables =

    /// The members of the tables, in the order of printing.
    let private tables (version: RoomVersion) : (string * Json) list = [
        "rules", RuleTrees.ofRules version.Authorization
        "selection", RuleTrees.ofSelections version.Selections
        "handling", RuleTrees.ofRules version.Handling
        "redaction", RuleTrees.ofRedaction version.Redaction
        "settings", RuleTrees.ofSettings version.Settings
    ]

    /// What `mx rules show` prints beside the tables: the same in sentences.
    let private inWords = [ "area"; "stability"; "parent"; "amendments"; "clauses"; "areas" ]

    /// A version's tables.
    let write (version: RoomVersion) : Json =
        Json.Object(members (("version", Json.String version.Id) :: tables version))

    let private allTables = [ "rules"; "selection"; "handling"; "redaction"; "settings" ]

    let private readFile
        (settingsOf: Settings -> Json -> Result<Settings, VectorFault>)
        (file: Placed<JsonObject>)
        : Result<RoomVersion, VectorFault> =
        let table name otherwise (reader: Json -> Result<'a, VectorFault>) =
            optional name (fun placed -> reader placed.Value) otherwise file

        checked' {
            let! _ = only ("version" :: allTables @ inWords) file
            let! id = text "version" file

            match Versions.tryFindUnstable id.Value with
            | None -> return! wrong id $"there is no room version '{id.Value}'"
            | Some version ->
                let! rules = table "rules" version.Authorization RuleTrees.readRules
                let! selection = table "selection" version.Selections RuleTrees.readSelections
                let! handling = table "handling" version.Handling RuleTrees.readHandling
                let! redaction = table "redaction" version.Redaction RuleTrees.readRedaction
                let! settings = table "settings" version.Settings (settingsOf version.Settings)

                return {
                    version with
                        Authorization = rules
                        Selections = selection
                        Handling = handling
                        Redaction = redaction
                        Settings = settings
                }
        }

    /// A version with the tables of a file. What the file leaves out is as in the version that it names.
    let read (utf8: ReadOnlySpan<byte>) : Result<RoomVersion, VectorFault> =
        parse utf8 |> Result.bind (readFile RuleTrees.readSettings)

    /// A version with the tables of a file that has all of them, and all settings.
    let readWhole (utf8: ReadOnlySpan<byte>) : Result<RoomVersion, VectorFault> =
        parse utf8
        |> Result.bind (fun file ->
            allTables
            |> every (fun name -> need name file)
            |> Result.bind (fun _ -> readFile (fun _ -> RuleTrees.readAllSettings) file))
