/// Prints rows of rules to standard output.
module internal Matrix.Cli.Output.Printing

open System
open System.Text
open System.Text.Json
open Matrix.Rules
open Matrix.Rules.Printing

/// Prints lines, with styles on a terminal.
let lines (printed: PrintedLine list) =
    let text = StringBuilder()

    for line in printed do
        let shown =
            match line.Style with
            | Style.Title
            | Style.Heading -> Terminal.bold line.Text
            | Style.Detail -> Terminal.faint line.Text
            | Style.Added -> Terminal.green line.Text
            | Style.Removed -> Terminal.red line.Text
            | Style.Changed -> Terminal.yellow line.Text
            | Style.Plain -> line.Text

        text.Append(shown).Append('\n') |> ignore

    Console.Out.Write(text.ToString())

/// Prints lines without styles.
let plain (printed: string list) =
    Console.Out.Write(String.Join('\n', printed) + "\n")

/// Prints a JSON object whose members `write` writes.
let json (write: Utf8JsonWriter -> unit) =
    JsonText.ofWriting (fun json ->
        json.WriteStartObject()
        write json
        json.WriteEndObject())
    |> Console.Out.WriteLine

/// Prints a JSON value, its members in their order.
let value (value: Matrix.Core.Json.Json) =
    let rec write (json: Utf8JsonWriter) (it: Matrix.Core.Json.Json) =
        match it with
        | Matrix.Core.Json.Json.Array items ->
            json.WriteStartArray()

            for item in items do
                write json item

            json.WriteEndArray()
        | Matrix.Core.Json.Json.Object o ->
            json.WriteStartObject()

            for struct (name, inner) in o.Members do
                json.WritePropertyName name
                write json inner

            json.WriteEndObject()
        | other -> json.WriteRawValue(Matrix.Core.Json.CanonicalJson.text other)

    JsonText.ofWriting (fun json -> write json value) |> Console.Out.WriteLine

/// Writes a list, each item by `write`.
let listOf (json: Utf8JsonWriter) (name: string) (items: 'a seq) (write: 'a -> unit) =
    json.WriteStartArray name

    for item in items do
        write item

    json.WriteEndArray()

/// Writes a list of strings.
let texts (json: Utf8JsonWriter) (name: string) (items: string seq) =
    listOf json name items json.WriteStringValue

/// Writes a string, or null if it is empty.
let textOrNull (json: Utf8JsonWriter) (name: string) (text: string) =
    if text = "" then
        json.WriteNull name
    else
        json.WriteString(name, text)

/// Writes a JSON value.
let raw (json: Utf8JsonWriter) (name: string) (value: Matrix.Core.Json.Json) =
    json.WritePropertyName name
    json.WriteRawValue(Matrix.Core.Json.CanonicalJson.text value)

/// Writes the members of a row.
let rowMembers (json: Utf8JsonWriter) (proposals: Amendment list) (row: Row) =
    json.WriteString("id", row.Id)
    json.WriteString("at", row.At)
    textOrNull json "number" row.Number
    json.WriteString("text", row.Text)
    textOrNull json "outcome" row.Outcome
    textOrNull json "reason" row.Reason
    textOrNull json "when" row.When
    textOrNull json "value" row.Value
    textOrNull json "msc" (proposals |> List.map _.Msc |> List.distinct |> String.concat ", ")
    json.WriteString("link", row.Link)

/// Writes an amendment as an object.
let amendment (json: Utf8JsonWriter) (a: Amendment) =
    json.WriteStartObject()
    json.WriteString("msc", a.Msc)
    json.WriteString("title", a.Title)
    json.WriteString("why", a.Why)
    json.WriteString("link", a.Link)
    json.WriteEndObject()

/// A version's stability in JSON.
let stability (version: RoomVersion) =
    match version.Stability with
    | Stability.Stable -> "stable"
    | Stability.Unstable -> "unstable"
