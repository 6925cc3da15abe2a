namespace Matrix.Properties.Vectors

open System
open FSharp.Reflection
open Matrix.Core.Json
open Matrix.Rules
open Matrix.Properties.Vectors.Places

/// Tables of rules as JSON, and back: the members `rules`, `handling`, `selection`, `redaction` and `settings` of `mx
/// rules show --format json`.
/// `docs/rules-json.md` describes the form.
[<RequireQualifiedAccess>]
module RuleTrees =

    /// A condition.
    let condition (condition: Condition) : Json = Terms.of' condition

    /// The JSON name of every condition.
    let conditionNames: string list = [
        for case in FSharpType.GetUnionCases typeof<Condition> -> Terms.hyphened case.Name
    ]

    let private head (kind: string) (head: Head) : (string * Json) list = [
        "kind", Json.String kind
        "id", Json.String head.Name
        "text", Json.String head.Text
        match head.Reading with
        | Some decision -> "decision", Json.Int(int64 decision)
        | None -> ()
    ]

    let rec private rule (rule: Rule) : Json =
        let inside rules = "inside", ofRules rules

        match rule with
        | Rule.Scope(h, when', rules) -> head "scope" h @ [ "when", condition when'; inside rules ]
        | Rule.ForEach(h, altered, entries, where, rules) ->
            head "for-each" h
            @ [
                "altered", Terms.of' altered
                "entries", Terms.of' entries
                "when", condition where
                inside rules
            ]
        | Rule.Clause(h, when', outcome, parts) ->
            head "clause" h
            @ [
                "when", condition when'
                "outcome", Terms.of' outcome
                "parts",
                Json.Array [|
                    for part in parts ->
                        Json.Object(members (head "part" part.Head @ [ "when", condition part.Condition ]))
                |]
            ]
        | Rule.Iff(h, applies, holds, reason) ->
            head "iff" h
            @ [
                "when", condition applies
                "holds", condition holds
                "reason", Terms.of' reason
            ]
        |> members
        |> Json.Object

    /// A table of rules.
    and ofRules (rules: Rule list) : Json =
        Json.Array [| for r in rules -> rule r |]

    /// A selection of auth events.
    let ofSelections (selections: Selection list) : Json =
        Json.Array [|
            for s in selections ->
                Json.Object(
                    members [
                        "id", Json.String s.Name
                        "text", Json.String s.Text
                        "type", Json.String s.Type
                        "key", Terms.of' s.Key
                        "when", condition s.When
                    ]
                )
        |]

    /// A redaction table.
    let ofRedaction (table: RedactionTable) : Json =
        Json.Object(
            members [
                "top-level", Terms.of' (List.ofSeq table.TopLevel)
                "content", Json.Object(members [ for KeyValue(name, kept) in table.Content -> name, Terms.of' kept ])
            ]
        )

    /// The settings of a version.
    let ofSettings (settings: Settings) : Json = Terms.of' settings

    /// The name of a rule is a part of file names and of what solvers read.
    let private id (o: Placed<JsonObject>) : Result<Placed<string>, VectorFault> =
        let isPlain c =
            Char.IsAsciiLetterOrDigit c || c = '-' || c = '.' || c = '_'

        checked' {
            let! name = text "id" o

            if name.Value = "" || not (Seq.forall isPlain name.Value) then
                return! wrong name "expected a name of letters, digits, hyphens and dots"
            else
                return name
        }

    let private headOf (o: Placed<JsonObject>) : Result<Head, VectorFault> =
        checked' {
            let! name = id o
            let! words = text "text" o
            let! decision = optional "decision" (asInt >> Result.map (int >> Some)) None o

            return {
                Name = name.Value
                Text = words.Value
                Reading = decision
            }
        }

    let private term (key: string) (o: Placed<JsonObject>) : Result<'a, VectorFault> =
        need key o |> Result.bind Terms.as'

    let rec private readRule (json: Placed<Json>) : Result<Rule, VectorFault> =
        checked' {
            let! o = asObject json

            let! kind =
                text "kind" o |> Result.bind (word [ "scope"; "for-each"; "clause"; "iff" ])

            let! o =
                only
                    ([ "kind"; "id"; "text"; "decision"; "when" ]
                     @ (match kind with
                        | "scope" -> [ "inside" ]
                        | "for-each" -> [ "altered"; "entries"; "inside" ]
                        | "clause" -> [ "outcome"; "parts" ]
                        | _ -> [ "holds"; "reason" ]))
                    o

            let! head = headOf o
            let! when' = term "when" o

            match kind with
            | "scope" ->
                let! inside = readInside o
                return Rule.Scope(head, when', inside)
            | "for-each" ->
                let! altered = term "altered" o
                let! entries = term "entries" o
                let! inside = readInside o
                return Rule.ForEach(head, altered, entries, when', inside)
            | "clause" ->
                let! outcome = term "outcome" o

                let! parts =
                    need "parts" o
                    |> Result.bind asList
                    |> Result.bind (
                        every (fun part ->
                            checked' {
                                let! o = asObject part
                                let! o = only [ "kind"; "id"; "text"; "decision"; "when" ] o
                                let! head = headOf o
                                let! condition = term "when" o
                                return { Head = head; Condition = condition }
                            })
                    )

                return Rule.Clause(head, when', outcome, parts)
            | _ ->
                let! holds = term "holds" o
                let! reason = term "reason" o
                return Rule.Iff(head, when', holds, reason)
        }

    and private readInside (o: Placed<JsonObject>) : Result<Rule list, VectorFault> =
        need "inside" o |> Result.bind asList |> Result.bind (every readRule)

    let private readTable (name: string) (json: Json) : Result<Rule list, VectorFault> =
        asList { At = name; Value = json } |> Result.bind (every readRule)

    /// A table of authorization rules from its JSON.
    let readRules (json: Json) : Result<Rule list, VectorFault> = readTable "rules" json

    /// The rules that handle redactions from their JSON.
    let readHandling (json: Json) : Result<Rule list, VectorFault> = readTable "handling" json

    /// A selection of auth events from its JSON.
    let readSelections (json: Json) : Result<Selection list, VectorFault> =
        asList { At = "selection"; Value = json }
        |> Result.bind (
            every (fun item ->
                checked' {
                    let! o = asObject item
                    let! o = only [ "id"; "text"; "type"; "key"; "when" ] o
                    let! name = id o
                    let! words = text "text" o
                    let! eventType = text "type" o
                    let! key = term "key" o
                    let! when' = term "when" o

                    return {
                        Name = name.Value
                        Text = words.Value
                        Type = eventType.Value
                        Key = key
                        When = when'
                    }
                })
        )

    /// A redaction table from its JSON.
    let readRedaction (json: Json) : Result<RedactionTable, VectorFault> =
        checked' {
            let! o = asObject { At = "redaction"; Value = json }
            let! o = only [ "top-level"; "content" ] o
            let! top = term "top-level" o
            let! content = object "content" o

            let! kept =
                [ for struct (name, _) in content.Value.Members -> name ]
                |> every (fun name -> term name content |> Result.map (fun kept -> name, kept))

            return {
                TopLevel = Set.ofList<string> top
                Content = Map.ofList kept
            }
        }

    /// The settings of a version, changed by JSON that has some or all of them.
    let readSettings (settings: Settings) (json: Json) : Result<Settings, VectorFault> =
        Terms.changed settings { At = "settings"; Value = json }

    /// All settings of a version from their JSON.
    let readAllSettings (json: Json) : Result<Settings, VectorFault> =
        Terms.as' { At = "settings"; Value = json }
