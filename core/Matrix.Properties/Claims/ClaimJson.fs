namespace Matrix.Properties.Claims

open System
open Matrix.Core.Json
open Matrix.Properties.Vectors
open Matrix.Properties.Vectors.Places
open Matrix.Properties.Claims

/// Claims as JSON, and back: the form of `mx rules claims --format json`. `docs/rules-json.md`.
[<RequireQualifiedAccess>]
module ClaimJson =

    /// A statement, in the form of terms of rules.
    let statement (statement: Statement) : Json = Terms.of' statement

    let private versions (first: int) (last: int) : (string * Json) list = [
        "since", Json.Int(int64 first)
        "until",
        (if last = StatedSelections.Newest then
             Json.Null
         else
             Json.Int(int64 last))
    ]

    let private ofException (e: Exception) : Json =
        Json.Object(
            members [
                "name", Json.String e.Name
                "why", Json.String e.Why
                yield! versions e.Since e.Until
                "is", statement e.Is
                "words", Json.String(ClaimText.statement e.Is)
            ]
        )

    let private ofClaim (claim: Claim) : Json =
        Json.Object(
            members [
                "name", Json.String claim.Name
                "sentence", Json.String claim.Sentence
                "section", Json.String claim.Section
                "reason", Json.String claim.Reason
                yield! versions claim.Since claim.Until
                "when", statement claim.When
                "then", statement claim.Then
                "words",
                Json.Object(
                    members [
                        "when", Json.String(ClaimText.statement claim.When)
                        "then", Json.String(ClaimText.statement claim.Then)
                    ]
                )
                "exceptions", Json.Array [| for e in claim.Exceptions -> ofException e |]
            ]
        )

    /// Claims, with their statements in English as `words`.
    let write (claims: Claim list) : Json =
        Json.Object(members [ "claims", Json.Array [| for claim in claims -> ofClaim claim |] ])

    let private version (json: Placed<Json>) : Result<int, VectorFault> =
        asInt json
        |> Result.bind (fun number ->
            if number < 1L || number >= int64 StatedSelections.Newest then
                wrong json "expected the number of a room version"
            else
                Ok(int number))

    let private since (o: Placed<JsonObject>) = optional "since" version 1 o

    let private until (o: Placed<JsonObject>) =
        let orNewest (json: Placed<Json>) =
            match json.Value with
            | Json.Null -> Ok StatedSelections.Newest
            | _ -> version json

        optional "until" orNewest StatedSelections.Newest o

    let private term (key: string) (o: Placed<JsonObject>) : Result<Statement, VectorFault> =
        need key o |> Result.bind Terms.as'

    let private readException (json: Placed<Json>) : Result<Exception, VectorFault> =
        checked' {
            let! o = asObject json
            let! o = only [ "name"; "why"; "since"; "until"; "is"; "words" ] o
            let! name = text "name" o
            let! why = text "why" o
            let! first = since o
            let! last = until o
            let! is = term "is" o

            return {
                Name = name.Value
                Why = why.Value
                Since = first
                Until = last
                Is = is
            }
        }

    let private readClaim (json: Placed<Json>) : Result<Claim, VectorFault> =
        checked' {
            let! o = asObject json

            let! o =
                only
                    [
                        "name"
                        "sentence"
                        "section"
                        "reason"
                        "since"
                        "until"
                        "when"
                        "then"
                        "words"
                        "exceptions"
                    ]
                    o

            let! name = text "name" o
            let! sentence = text "sentence" o
            let! section = text "section" o
            let! reason = text "reason" o
            let! first = since o
            let! last = until o
            let! premise = term "when" o
            let! conclusion = term "then" o

            let! exceptions =
                optional "exceptions" (asList >> Result.bind (every readException)) [] o

            return {
                Name = name.Value
                Sentence = sentence.Value
                Section = section.Value
                Reason = reason.Value
                Since = first
                Until = last
                When = premise
                Then = conclusion
                Exceptions = exceptions
            }
        }

    let private linted (claims: Claim list) : Result<Claim list, VectorFault> =
        match ClaimLint.faults claims with
        | [] -> Ok claims
        | first :: _ ->
            let at = if first.At = "" then "" else "." + first.At

            Error {
                Place = $"claims[{first.Index}]{at}"
                Problem = $"{first.Claim}: {first.Problem}"
            }

    /// The claims of a file. What the lint refuses is no claim.
    let read (utf8: ReadOnlySpan<byte>) : Result<Claim list, VectorFault> =
        match parse utf8 with
        | Error fault -> Error fault
        | Ok file ->
            checked' {
                let! file = only [ "claims" ] file
                let! list = need "claims" file
                let! items = asList list

                if items.IsEmpty then
                    return! wrong list "expected a claim"
                else
                    let! claims = every readClaim items
                    return! linted claims
            }
