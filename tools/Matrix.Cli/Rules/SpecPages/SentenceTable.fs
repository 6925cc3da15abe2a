namespace Matrix.Cli.Rules.SpecPages

open System.IO
open System.Reflection
open System.Text
open System.Text.Json
open Matrix.Rules
open Matrix.Rules.Printing

/// A row's sentence as it was when the row was written.
type internal SentenceEntry = {
    Version: string
    Id: string
    Address: Address
    /// The file that has the sentence: the page, a fragment of it, or a schema.
    File: string
    /// SHA-256 of the normalised text.
    Digest: string
}

/// `rules/sentences.json`: where each row's sentence is, and a digest of it, but not the sentence.
module internal SentenceTable =

    /// A version's own page is `rooms/v*`, so that versions with the same fragment share a line.
    let private placeOf (entry: SentenceEntry) =
        let page =
            if entry.Address.Page = "rooms/v" + entry.Version then
                "rooms/v*"
            else
                entry.Address.Page

        entry.Id, page, entry.Address.Section, entry.Address.Item, entry.File, entry.Digest

    /// The table's text: a line for each sentence, with the versions that have it.
    let write (commit: string) (entries: SentenceEntry list) : string =
        let quoted (text: string) = JsonSerializer.Serialize text

        let lines =
            entries
            |> List.groupBy placeOf
            |> List.map (fun ((id, page, section, item, file, digest), entries) ->
                let versions = entries |> List.map (_.Version >> quoted) |> String.concat ","

                let members =
                    [
                        "id", quoted id
                        "versions", $"[{versions}]"
                        "page", quoted page
                        "file", quoted file
                        "section", quoted section
                        "item", quoted item
                        "sha256", quoted digest
                    ]
                    |> List.map (fun (name, value) -> $"\"{name}\":{value}")
                    |> String.concat ","

                "  {" + members + "}")

        $"{{\"commit\":{quoted commit},\n \"sentences\":[\n"
        + String.concat ",\n" lines
        + "\n]}\n"

    let private text =
        lazy
            (match Option.ofObj (Assembly.GetExecutingAssembly().GetManifestResourceStream "sentences.json") with
             | None -> """{"commit":"","sentences":[]}"""
             | Some stream ->
                 use reader = new StreamReader(stream, Encoding.UTF8)
                 reader.ReadToEnd())

    /// All entries, as they were written last.
    let entries: Lazy<SentenceEntry list> =
        lazy
            (use json = JsonDocument.Parse text.Value

             [
                 for line in json.RootElement.GetProperty("sentences").EnumerateArray() do
                     let text (name: string) =
                         string (line.GetProperty(name).GetString())

                     for version in line.GetProperty("versions").EnumerateArray() do
                         let version = string (version.GetString())

                         {
                             Version = version
                             Id = text "id"
                             Address = {
                                 Page = (text "page").Replace("*", version)
                                 Section = text "section"
                                 Item = text "item"
                             }
                             File = text "file"
                             Digest = text "sha256"
                         }
             ])

    let private byRow =
        lazy (Map.ofList [ for entry in entries.Value -> (entry.Version, entry.Id), entry ])

    /// The entry of a version's row. A version without a page states the sentences of the page that describes it.
    let tryFind (version: RoomVersion) (row: Row) : SentenceEntry option =
        Map.tryFind (version.Page, row.Id) byRow.Value

    /// What the table lacks, or has otherwise than the rows.
    let faults () : {| Name: string; What: string |} list =
        let rows = [
            for version in Versions.all do
                for row, address in Addresses.ofVersion Areas.all version -> version, row, address
        ]

        let expected =
            Map.ofList [
                for version, row, address in rows do
                    match address with
                    | Some address -> (version.Id, row.Id), address
                    | None -> ()
            ]

        let fault version id what = {|
            Name = id
            What = $"version {version}: {what}"
        |}

        [
            for version, row, address in rows do
                if address.IsNone && Addresses.isExpected row then
                    fault version.Id row.Id "names no sentence of the specification"

            for KeyValue((version, id), address) in expected do
                match Map.tryFind (version, id) byRow.Value with
                | Some entry when entry.Address = address -> ()
                | _ -> fault version id "the table does not have its sentence: mx rules sentences --write"

            for entry in entries.Value do
                if not (expected.ContainsKey(entry.Version, entry.Id)) then
                    fault entry.Version entry.Id "the table has a sentence of it, and it is no row"
        ]
