namespace Matrix.Properties.Vectors

open System
open Matrix.Core.Json

type VectorFile = {
    About: string
    Kind: string
    Vectors: Vector list
}

type Difference = {
    Member: string
    Expected: Json
    Found: Json voption
} with

    override this.ToString() =
        let found =
            match this.Found with
            | ValueSome found -> CanonicalJson.text found
            | ValueNone -> "nothing"

        $"{this.Member}: expected {CanonicalJson.text this.Expected}, found {found}"

[<RequireQualifiedAccess>]
module Vectors =

    let private all: Kind list = [
        TextKinds.canonicalJson
        TextKinds.unpaddedBase64
        TextKinds.identifier
        EventKinds.eventFormat
        EventKinds.eventHashes
        EventKinds.signing
        EventKinds.signatureCheck
        EventKinds.redaction
        EventKinds.powerLevel
        AuthorizationKind.kind
        HandlingKind.kind
        StateResolutionKind.kind
        PduKind.kind
        PushKinds.defaultRules
        PushKinds.condition
    ]

    let kinds = all |> List.map _.Name

    let private find (name: Placed<string>) : Result<Kind, VectorFault> =
        word kinds name
        |> Result.map (fun name -> all |> List.find (fun kind -> kind.Name = name))

    let private readCase
        (kind: Kind)
        (file: Placed<JsonObject>)
        (case: Placed<Json>)
        : Result<Vector list, VectorFault> =
        checked' {
            let! case = asObject case
            let! name = text "name" case
            let! left = maybeText "optional" case
            let! questions = kind.Read file case

            return [
                for version, question, expected in questions ->
                    {
                        Name = name.Value
                        Place = case.At
                        Version = version
                        Question = question
                        Expected = expected
                        Optional = left |> Option.defaultValue ""
                    }
            ]
        }

    let read (utf8: ReadOnlySpan<byte>) : Result<VectorFile, VectorFault> =
        match parse utf8 with
        | Error fault -> Error fault
        | Ok file ->
            checked' {
                // A file without a kind may be any other JSON file.
                let! kind =
                    match maybe "kind" file with
                    | None ->
                        wrong
                            { file with At = "the file" }
                            "expected test vectors, which have a 'kind'; this file has none"
                    | Some kind -> asText kind |> Result.bind find

                let! about = text "about" file
                let! cases = need "cases" file |> Result.bind asList
                let! vectors = cases |> every (readCase kind file)

                return {
                    About = about.Value
                    Kind = kind.Name
                    Vectors = List.concat vectors
                }
            }

    let answer (ed25519: Ed25519) (kind: string) (question: JsonObject) : Result<JsonObject, VectorFault> =
        checked' {
            let! kind = find { At = "kind"; Value = kind }

            return! kind.Answer ed25519 { At = "question"; Value = question }
        }

    let differences (kind: string) (byName: bool) (vector: Vector) (answer: JsonObject) : Difference list =
        let ours =
            all
            |> List.tryFind (fun k -> k.Name = kind)
            |> Option.map _.Ours
            |> Option.defaultValue []

        [
            for struct (key, expected) in vector.Expected.Members do
                match answer.TryFind key with
                | ValueSome found when found = expected -> ()
                | ValueNone when not byName && List.contains key ours -> ()
                | found -> {
                    Member = key
                    Expected = expected
                    Found = found
                  }
        ]

    let authCase (vector: Vector) =
        AuthorizationKind.caseOf {
            At = vector.Place
            Value = vector.Question
        }

    let redactionCase (vector: Vector) =
        HandlingKind.caseOf {
            At = vector.Place
            Value = vector.Question
        }

    let resolutionCase (vector: Vector) =
        StateResolutionKind.read' {
            At = vector.Place
            Value = vector.Question
        }

    let ofResolved resolved = StateResolutionKind.answerOf resolved

    let answerPduBy (steps: PduSteps) (ed25519: Ed25519) (question: JsonObject) =
        PduKind.answerBy steps ed25519 { At = "question"; Value = question }

    let ofDecision decision = RoomCases.answerOf decision
