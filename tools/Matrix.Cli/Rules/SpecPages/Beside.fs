namespace Matrix.Cli.Rules.SpecPages

open System.Text.Json
open Matrix.Rules
open Matrix.Rules.Printing

/// What the specification says where a row stands.
[<RequireQualifiedAccess>]
type internal PageSentence =
    /// The sentence, and whether it is still as it was when the row was written.
    | Said of Address * Found * isSame: bool
    /// This edition does not have it.
    | Gone of Address

/// The sentence of a row; none for a row that the specification does not have.
type internal Beside = Row -> PageSentence option

/// Rows beside their sentences.
module internal Beside =

    /// The sentences of a version in another edition.
    let ofVersion (tracing: Tracing) (version: RoomVersion) : Beside =
        let addresses =
            Map.ofList [
                for row, address in Addresses.ofVersion Areas.all version do
                    match address with
                    | Some address -> row.Id, address
                    | None -> ()
            ]

        fun row ->
            Map.tryFind row.Id addresses
            |> Option.map (fun address ->
                match tracing.Find address with
                | None -> PageSentence.Gone address
                | Some found ->
                    let digest = Markdown.digest (Sentences.text found.Node)

                    let isSame =
                        SentenceTable.tryFind version row
                        |> Option.exists (fun entry -> entry.Digest = digest)

                    PageSentence.Said(address, found, isSame))

    let private place (address: Address) (item: string) =
        (if address.Section = "" then
             address.Page
         else
             address.Page + "#" + address.Section)
        + ", "
        + item

    /// The lines below a row.
    let lines (sentence: PageSentence option) : string list =
        match sentence with
        | None -> []
        | Some(PageSentence.Gone address) -> [ "not on the page: " + place address address.Item ]
        | Some(PageSentence.Said(address, found, isSame)) -> [
            Sentences.text found.Node
            (if isSame then
                 ""
             else
                 "differs from what the row was written from: ")
            + place address found.Place
          ]

    /// The member `page` of a row.
    let members (json: Utf8JsonWriter) (sentence: PageSentence option) =
        match sentence with
        | None -> ()
        | Some sentence ->
            json.WriteStartObject "page"

            match sentence with
            | PageSentence.Gone address ->
                json.WriteString("page", address.Page)
                json.WriteString("section", address.Section)
                json.WriteString("item", address.Item)
                json.WriteNull "text"
            | PageSentence.Said(address, found, isSame) ->
                json.WriteString("page", address.Page)
                json.WriteString("section", address.Section)
                json.WriteString("item", found.Place)
                json.WriteString("file", found.Node.File)
                json.WriteString("text", Sentences.text found.Node)
                json.WriteString("sha256", Markdown.digest (Sentences.text found.Node))
                json.WriteBoolean("same", isSame)

            json.WriteEndObject()
