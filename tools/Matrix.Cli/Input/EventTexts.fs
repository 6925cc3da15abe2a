/// Reads files of events and other JSON. Errors name the file and the position.
module internal Matrix.Cli.Input.EventTexts

open System
open Matrix.Cli.Output
open Matrix.Core.Event
open Matrix.Core.Json

/// The content of a file, with its name.
type Text = { Name: string; Bytes: byte[] }

/// Reads a file, or standard input if there is none or its name is `-`.
let read (file: string option) : Result<Text, Ending> =
    match file with
    | None
    | Some "-" ->
        Reading.standardInput ()
        |> Result.map (fun bytes -> {
            Name = "standard input"
            Bytes = bytes
        })
    | Some file -> Reading.file file |> Result.map (fun bytes -> { Name = file; Bytes = bytes })

/// The line and column of a byte, both from 1.
let private place (text: Text) (offset: int) : string =
    let before = text.Bytes.AsSpan(0, min offset text.Bytes.Length)
    let line = MemoryExtensions.Count(before, 10uy) + 1
    let column = before.Length - (MemoryExtensions.LastIndexOf(before, 10uy) + 1) + 1
    $"{text.Name}:{line}:{column}"

let private what (fault: JsonFault) =
    match fault with
    | JsonFault.Malformed -> "expected JSON"
    | JsonFault.NotUtf8 -> "expected UTF-8"
    | JsonFault.TrailingData -> "expected nothing more after the value"
    | JsonFault.LoneSurrogate -> "expected a valid string: this one has a lone surrogate"
    | JsonFault.NotAnInteger -> "expected an integer: this room version allows no other numbers"
    | JsonFault.OutOfRange -> "expected an integer from -(2^53 - 1) to 2^53 - 1"
    | JsonFault.FloatOutOfRange -> "expected a number that a double can hold, to about 1.8e308"
    | JsonFault.TooDeep limit -> $"expected at most {limit} levels of nesting"
    | JsonFault.NotAnObject -> "expected an object"
    | JsonFault.TooLarge(_, limit) -> $"expected at most {limit} bytes"

let private misread (text: Text) (error: JsonError) : Ending =
    Misused $"{place text error.Offset}: {what error.Fault}"

let private limits = {
    Bytes = Reading.mostBytes
    Depth = JsonLimits.federationBody.Depth
}

/// Reads one event, with numbers as strict as the room version requires.
let event (format: EventFormat) (text: Text) : Result<JsonObject, Ending> =
    JsonReader.ParseObject(ReadOnlySpan text.Bytes, format.Reading, limits)
    |> Result.mapError (misread text)

/// A value, with its place in the file.
type Item = { Place: string; Value: Json }

/// The values of a list, of the lists with these names in a server's response, or one value per line.
let items (listNames: string list) (text: Text) : Result<Item list, Ending> =
    let ofArray (where: string) (values: Json[]) = [
        for i in 0 .. values.Length - 1 ->
            {
                Place = $"{text.Name}: {where}[{i}]"
                Value = values[i]
            }
    ]

    let ofLines () =
        let mutable from = 0
        let mutable line = 0
        let found = ResizeArray<Item>()
        let mutable fault: Ending option = None

        while fault.IsNone && from < text.Bytes.Length do
            let length =
                match text.Bytes.AsSpan(from).IndexOf 10uy with
                | -1 -> text.Bytes.Length - from
                | n -> n

            line <- line + 1
            let span = ReadOnlySpan(text.Bytes, from, length)

            if not (span.Trim(" \t\r"B).IsEmpty) then
                match JsonReader.Parse(span, Reading.Lenient, limits) with
                | Ok value ->
                    found.Add {
                        Place = $"{text.Name}:{line}"
                        Value = value
                    }
                | Error error ->
                    fault <-
                        Some(
                            misread text {
                                error with
                                    Offset = from + error.Offset
                            }
                        )

            from <- from + length + 1

        match fault with
        | Some ending -> Error ending
        | None -> Ok(List.ofSeq found)

    match JsonReader.Parse(ReadOnlySpan text.Bytes, Reading.Lenient, limits) with
    | Ok(Json.Array values) -> Ok(ofArray "" values)
    | Ok(Json.Object answer as whole) ->
        let lists = [
            for name in listNames do
                match answer.TryFind name with
                | ValueSome(Json.Array values) -> yield! ofArray $"`{name}`" values
                | _ -> ()
        ]

        let isAnswer =
            not (answer.Has "type")
            && listNames |> List.exists (fun name -> answer.Has name)

        Ok(
            if isAnswer then
                lists
            else
                [ { Place = text.Name; Value = whole } ]
        )
    | Ok _ -> Error(Misused $"{text.Name}: expected a list, an object, or one object a line")
    | Error { Fault = JsonFault.TrailingData } -> ofLines ()
    | Error error -> Error(misread text error)

/// The error of a malformed event.
let misfit (place: string) (fault: PduFault) : Ending =
    let expected =
        match fault with
        | PduFault.Missing key -> $"expected `{key}`"
        | PduFault.WrongType(key, expected) -> $"`{key}`: expected {expected}"
        | PduFault.NotCanonical ->
            "expected integers from -(2^53 - 1) to 2^53 - 1: this room version allows no other numbers"
        | PduFault.BadId(key, reason) -> $"`{key}`: expected an identifier of this room version: this one {reason}"
        | PduFault.KeyTooLong(key, bytes, limit) -> $"`{key}`: expected at most {limit} bytes: these are {bytes}"
        | PduFault.EventTooLarge(bytes, limit) -> $"expected an event of at most {limit} bytes: this one takes {bytes}"
        | PduFault.TooManyReferences(key, count, limit) ->
            $"`{key}`: expected at most {limit} entries: these are {count}"
        | PduFault.DepthOutOfRange(depth, limit) -> $"`depth`: expected a number from 0 to {limit}: this is {depth}"
        | PduFault.Unreadable error -> what error.Fault

    Misused $"{place}: {expected}"
