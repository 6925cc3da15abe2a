namespace Matrix.Properties.Vectors

open System
open System.Text
open Matrix.Core.Json

/// An error in a vector file or a question: its position, and what was expected there.
type VectorFault = {
    /// Members and indices from the top down, such as `cases[3].event.type`; `line 4, column 7` if the text is no JSON.
    Place: string
    /// What was expected, and what was found.
    Problem: string
} with

    override this.ToString() = $"{this.Place}: {this.Problem}"

/// Successive steps that may find a fault.
type internal FaultBuilder() =
    member _.Return x : Result<'a, VectorFault> = Ok x
    member _.ReturnFrom(x: Result<'a, VectorFault>) = x
    member _.Bind(x: Result<'a, VectorFault>, next) = Result.bind next x
    member _.Zero() : Result<unit, VectorFault> = Ok()
    member _.Delay f = f
    member _.Run f = f ()

    member _.Combine(first: Result<unit, VectorFault>, next: unit -> Result<'a, VectorFault>) = Result.bind next first

/// Reads vectors, with the position of every member.
[<AutoOpen>]
module internal Places =

    let checked' = FaultBuilder()

    /// A value and its position.
    type Placed<'a> = { At: string; Value: 'a }

    let private fault at problem : Result<'a, VectorFault> = Error { Place = at; Problem = problem }

    /// A fault of this value.
    let wrong (placed: Placed<'a>) (problem: string) : Result<'b, VectorFault> = fault placed.At problem

    let private below (at: string) (key: string) = if at = "" then key else $"{at}.{key}"

    let private kindOf (json: Json) : string =
        match json with
        | Json.Null -> "null"
        | Json.Bool _ -> "a boolean"
        | Json.Int _
        | Json.BigInt _ -> "an integer"
        | Json.Float _ -> "a float"
        | Json.String _ -> "a string"
        | Json.Array _ -> "a list"
        | Json.Object _ -> "an object"

    let private expected (what: string) (placed: Placed<Json>) =
        wrong placed $"expected {what}, found {kindOf placed.Value}"

    let asText (placed: Placed<Json>) : Result<Placed<string>, VectorFault> =
        match placed.Value with
        | Json.String s -> Ok { At = placed.At; Value = s }
        | _ -> expected "a string" placed

    let asObject (placed: Placed<Json>) : Result<Placed<JsonObject>, VectorFault> =
        match placed.Value with
        | Json.Object o -> Ok { At = placed.At; Value = o }
        | _ -> expected "an object" placed

    let asBool (placed: Placed<Json>) : Result<bool, VectorFault> =
        match placed.Value with
        | Json.Bool b -> Ok b
        | _ -> expected "true or false" placed

    let asInt (placed: Placed<Json>) : Result<int64, VectorFault> =
        match placed.Value with
        | Json.Int n -> Ok n
        | _ -> expected "an integer" placed

    let asList (placed: Placed<Json>) : Result<Placed<Json> list, VectorFault> =
        match placed.Value with
        | Json.Array items ->
            items
            |> List.ofArray
            |> List.mapi (fun i item -> {
                At = $"{placed.At}[{i}]"
                Value = item
            })
            |> Ok
        | _ -> expected "a list" placed

    /// All values, or the first fault.
    let every (read: 'a -> Result<'b, VectorFault>) (items: 'a list) : Result<'b list, VectorFault> =
        let rec go taken rest =
            match rest with
            | [] -> Ok(List.rev taken)
            | item :: rest ->
                match read item with
                | Ok value -> go (value :: taken) rest
                | Error fault -> Error fault

        go [] items

    let asTexts (placed: Placed<Json>) : Result<Placed<string> list, VectorFault> =
        asList placed |> Result.bind (every asText)

    /// A member, or none.
    let maybe (key: string) (o: Placed<JsonObject>) : Placed<Json> option =
        match o.Value.TryFind key with
        | ValueSome value -> Some { At = below o.At key; Value = value }
        | ValueNone -> None

    /// A required member.
    let need (key: string) (o: Placed<JsonObject>) : Result<Placed<Json>, VectorFault> =
        match maybe key o with
        | Some placed -> Ok placed
        | None -> fault (if o.At = "" then "the file" else o.At) $"'{key}' is missing"

    /// An optional member, or the alternative.
    let optional (key: string) (read: Placed<Json> -> Result<'a, VectorFault>) (otherwise: 'a) (o: Placed<JsonObject>) =
        match maybe key o with
        | Some placed -> read placed
        | None -> Ok otherwise

    /// The same object, if it has no other members than these.
    let only (known: string list) (o: Placed<JsonObject>) : Result<Placed<JsonObject>, VectorFault> =
        [ for struct (key, _) in o.Value.Members -> key ]
        |> List.tryFind (fun key -> not (List.contains key known))
        |> function
            | None -> Ok o
            | Some key ->
                let words = known |> String.concat ", "
                fault (below o.At key) $"expected one of {words}"

    let text key o = need key o |> Result.bind asText

    let object key o = need key o |> Result.bind asObject

    let maybeText key (o: Placed<JsonObject>) : Result<string option, VectorFault> =
        optional key (asText >> Result.map (fun t -> Some t.Value)) None o

    /// One of several words.
    let word (known: string list) (placed: Placed<string>) : Result<string, VectorFault> =
        if List.contains placed.Value known then
            Ok placed.Value
        else
            let words = known |> String.concat ", "
            wrong placed $"expected one of {words}, found \"{placed.Value}\""

    /// The members of these names, as far as the object has them.
    let keep (keys: string list) (o: JsonObject) : (string * Json) list = [
        for key in keys do
            match o.TryFind key with
            | ValueSome value -> key, value
            | ValueNone -> ()
    ]

    let members (pairs: (string * Json) list) : JsonObject =
        JsonObject.OfSeq [ for key, value in pairs -> struct (key, value) ]

    /// Bytes in hexadecimal digits.
    let asHex (placed: Placed<string>) : Result<byte[], VectorFault> =
        if placed.Value.Length % 2 = 0 && placed.Value |> Seq.forall Char.IsAsciiHexDigit then
            Ok(Convert.FromHexString placed.Value)
        else
            wrong placed "expected pairs of hexadecimal digits"

    /// The line and column, counted from 1, of a byte offset.
    let lineAndColumn (utf8: ReadOnlySpan<byte>) (offset: int) : string =
        let before = utf8.Slice(0, min offset utf8.Length)
        let line = before.Count 10uy + 1
        let column = before.Length - (before.LastIndexOf 10uy + 1) + 1
        $"line {line}, column {column}"

    /// Reads a whole text as an object. `reading` says how numbers are read.
    let parse (utf8: ReadOnlySpan<byte>) : Result<Placed<JsonObject>, VectorFault> =
        match JsonReader.ParseObject(utf8, Reading.Client, JsonLimits.federationBody) with
        | Ok o -> Ok { At = ""; Value = o }
        | Error e ->
            // The message names the byte; the line and column replace it.
            let message = e.ToString()

            let what =
                message.Substring(0, message.LastIndexOf(", at byte", StringComparison.Ordinal))

            Error {
                Place = lineAndColumn utf8 e.Offset
                Problem = $"expected a JSON object: {what}"
            }
