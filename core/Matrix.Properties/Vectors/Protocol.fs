namespace Matrix.Properties.Vectors

open System
open System.Text
open Matrix.Core.Json
open Matrix.Rules

/// The other implementation's introduction of itself.
type Introduction = {
    Name: string
    Kinds: string list
    Versions: string list
}

/// The reply to a question.
[<RequireQualifiedAccess>]
type Reply =
    | Answered of JsonObject
    /// The other implementation cannot answer this question.
    | Skipped of why: string
    /// The other implementation failed to answer.
    | Failed of why: string
    /// The line is no reply to this question.
    | Malformed of why: string

/// The lines by which vectors are put to another implementation: `tests/vectors/FORMAT.md`, "Asking another
/// implementation". The caller moves the lines through a process or pipe.
[<RequireQualifiedAccess>]
module Protocol =

    /// The version of the protocol.
    [<Literal>]
    let Version = 1L

    /// The longest line, in bytes.
    [<Literal>]
    let LongestLine = 1048576

    // A question is nested two levels deep in its line, and an event in it may be as deep as events may be.
    let private limits = {
        Bytes = LongestLine
        Depth = JsonLimits.event.Depth + 12
    }

    let private line (pairs: (string * Json) list) : string =
        CanonicalJson.text (Json.Object(members pairs))

    let private texts (items: string list) =
        Json.Array [| for item in items -> Json.String item |]

    let private parse (text: string) : Result<Placed<JsonObject>, VectorFault> =
        match JsonReader.ParseObject(ReadOnlySpan<byte>(Encoding.UTF8.GetBytes text), Reading.Client, limits) with
        | Ok o -> Ok { At = ""; Value = o }
        | Error e ->
            Error {
                Place = "the line"
                Problem = $"expected a JSON object: {e}"
            }

    /// The first line.
    let hello (kinds: string list) (versions: string list) : string =
        line [
            "matrix_vectors", Json.Int Version
            "kinds", texts kinds
            "versions", texts versions
        ]

    /// Reads the answer to the first line.
    let readIntroduction (text': string) : Result<Introduction, VectorFault> =
        checked' {
            let! o = parse text'
            let! version = need "matrix_vectors" o

            if version.Value <> Json.Int Version then
                return! wrong version $"expected {Version}"
            else
                let! name = text "name" o
                let! kinds = need "kinds" o |> Result.bind asTexts
                let! versions = need "versions" o |> Result.bind asTexts

                return {
                    Name = name.Value
                    Kinds = kinds |> List.map _.Value
                    Versions = versions |> List.map _.Value
                }
        }

    /// A question's line.
    let ask (id: int64) (kind: string) (question: JsonObject) : string =
        line [
            "id", Json.Int id
            "kind", Json.String kind
            "question", Json.Object question
        ]

    /// Reads the reply to the question with this id.
    let readReply (id: int64) (text': string) : Reply =
        let reply =
            checked' {
                let! o = parse text'
                let! answered = need "id" o

                if answered.Value <> Json.Int id then
                    return! wrong answered $"expected {id}"
                else
                    match maybe "answer" o, maybe "skip" o, maybe "error" o with
                    | Some answer, None, None -> return! asObject answer |> Result.map (fun a -> Reply.Answered a.Value)
                    | None, Some why, None -> return! asText why |> Result.map (fun t -> Reply.Skipped t.Value)
                    | None, None, Some why -> return! asText why |> Result.map (fun t -> Reply.Failed t.Value)
                    | _ -> return! wrong o "expected one of 'answer', 'skip' and 'error'"
            }

        match reply with
        | Ok reply -> reply
        | Error fault -> Reply.Malformed fault.Problem

    /// The reply to a line that is not a question.
    let refusal (why: string) : string = line [ "error", Json.String why ]

    /// This implementation's reply to a line.
    let answer (ed25519: Ed25519) (name: string) (text': string) : string =
        let answered =
            checked' {
                let! o = parse text'

                match maybe "matrix_vectors" o with
                | Some _ ->
                    return
                        line [
                            "matrix_vectors", Json.Int Version
                            "name", Json.String name
                            "kinds", texts Vectors.kinds
                            "versions", texts [ for v in Versions.withUnstable -> v.Id ]
                        ]
                | None ->
                    let! id = need "id" o

                    return
                        match
                            checked' {
                                let! kind = text "kind" o
                                let! question = object "question" o
                                return! Vectors.answer ed25519 kind.Value question.Value
                            }
                        with
                        | Ok answer -> line [ "id", id.Value; "answer", Json.Object answer ]
                        | Error fault -> line [ "id", id.Value; "error", Json.String(string fault) ]
            }

        match answered with
        | Ok line -> line
        | Error fault -> refusal (string fault)
