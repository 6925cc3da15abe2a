/// JSON as commands print it: indented, and with no character escaped that JSON allows as it is.
module internal Matrix.Cli.Output.JsonText

open System.IO
open System.Text
open System.Text.Encodings.Web
open System.Text.Json

let private options =
    JsonWriterOptions(Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

/// What `write` writes.
let ofWriting (write: Utf8JsonWriter -> unit) : string =
    use bytes = new MemoryStream()
    use json = new Utf8JsonWriter(bytes, options)
    write json
    json.Flush()
    Encoding.UTF8.GetString(bytes.GetBuffer(), 0, int bytes.Length)
