/// JSON output: indented, with only those escapes that JSON requires.
module internal Matrix.Cli.Output.JsonText

open System.IO
open System.Text
open System.Text.Encodings.Web
open System.Text.Json

let private options =
    JsonWriterOptions(Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

/// The text that `write` writes.
let ofWriting (write: Utf8JsonWriter -> unit) : string =
    use bytes = new MemoryStream()
    use json = new Utf8JsonWriter(bytes, options)
    write json
    json.Flush()
    Encoding.UTF8.GetString(bytes.GetBuffer(), 0, int bytes.Length)
