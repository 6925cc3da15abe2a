namespace Matrix.Properties.Vectors

open System
open System.Text
open FSharp.Reflection
open Matrix.Core.Json
open Matrix.Rules
open Matrix.Properties.Vectors.Places

/// Terms of rules as JSON. The form follows from the types, so a new condition needs nothing here. A case without
/// values is its name; with one value, an object with one member; with several, an object with their list. Names are
/// written with hyphens. `docs/rules-json.md`.
module private Terms =

    /// `StateKeyStartsWith` as `state-key-starts-with`.
    let hyphened (name: string) : string =
        let out = StringBuilder()

        name
        |> Seq.iteri (fun i c ->
            if Char.IsUpper c && i > 0 then
                out.Append '-' |> ignore

            out.Append(Char.ToLowerInvariant c) |> ignore)

        out.ToString()

    let private isList (t: Type) =
        t.IsGenericType && t.GetGenericTypeDefinition() = typedefof<_ list>

    let rec write (t: Type) (value: objnull) : Json =
        if t = typeof<string> then
            Json.String(string value)
        elif t = typeof<int64> then
            Json.Int(unbox<int64>(nonNull value))
        elif isList t then
            let inner = t.GetGenericArguments()[0]

            match value with
            | :? Collections.IEnumerable as items -> Json.Array [| for item in items -> write inner item |]
            | _ -> Json.Array [||]
        elif FSharpType.IsRecord t then
            Json.Object(
                members [
                    for field in FSharpType.GetRecordFields t ->
                        hyphened field.Name, write field.PropertyType (field.GetValue value)
                ]
            )
        else
            let case, values = FSharpValue.GetUnionFields(value, t)
            let types = case.GetFields() |> Array.map _.PropertyType

            match Array.map2 write types values with
            | [||] -> Json.String(hyphened case.Name)
            | [| one |] -> Json.Object(members [ hyphened case.Name, one ])
            | several -> Json.Object(members [ hyphened case.Name, Json.Array several ])

    let rec read (t: Type) (json: Placed<Json>) : Result<objnull, VectorFault> =
        if t = typeof<string> then
            asText json |> Result.map (fun text -> box text.Value)
        elif t = typeof<int64> then
            asInt json |> Result.map box
        elif isList t then
            let inner = t.GetGenericArguments()[0]

            asList json
            |> Result.bind (every (read inner))
            |> Result.map (fun items ->
                let cases = FSharpType.GetUnionCases t
                let empty = FSharpValue.MakeUnion(cases[0], [||])
                List.foldBack (fun item rest -> FSharpValue.MakeUnion(cases[1], [| item; rest |])) items empty)
        elif FSharpType.IsRecord t then
            readRecord t None json
        else
            let named (name: string) (count: int -> bool) =
                FSharpType.GetUnionCases t
                |> Array.tryFind (fun case -> hyphened case.Name = name && count (case.GetFields().Length))

            match json.Value with
            | Json.String name ->
                match named name ((=) 0) with
                | Some case -> Ok(FSharpValue.MakeUnion(case, [||]))
                | None -> wrong json $"expected a {t.Name}, found \"{name}\""
            | Json.Object o when o.Count = 1 ->
                let name = o.Key 0

                let inner = {
                    At = $"{json.At}.{name}"
                    Value = o.Value 0
                }

                match named name (fun count -> count > 0) with
                | None -> wrong json $"expected a {t.Name}, found \"{name}\""
                | Some case ->
                    let types = case.GetFields() |> Array.map _.PropertyType |> List.ofArray

                    match types with
                    | [ one ] -> read one inner |> Result.map List.singleton
                    | several ->
                        asList inner
                        |> Result.bind (fun values ->
                            if values.Length <> several.Length then
                                wrong inner $"expected {several.Length} values"
                            else
                                List.zip several values |> every (fun (t, value) -> read t value))
                    |> Result.map (fun values -> FSharpValue.MakeUnion(case, Array.ofList values))
            | _ -> wrong json $"expected a {t.Name}: a name, or an object of one member"

    /// A record. Members that are missing are those of another record, if there is one.
    and private readRecord (t: Type) (otherwise: objnull option) (json: Placed<Json>) : Result<objnull, VectorFault> =
        let fields = FSharpType.GetRecordFields t |> List.ofArray

        asObject json
        |> Result.bind (only [ for field in fields -> hyphened field.Name ])
        |> Result.bind (fun o ->
            fields
            |> every (fun field ->
                match otherwise with
                | Some other -> optional (hyphened field.Name) (read field.PropertyType) (field.GetValue other) o
                | None -> need (hyphened field.Name) o |> Result.bind (read field.PropertyType)))
        |> Result.map (fun values -> FSharpValue.MakeRecord(t, Array.ofList values))

    let of' (value: 'a) : Json = write typeof<'a> (box value)

    let as' (json: Placed<Json>) : Result<'a, VectorFault> =
        read typeof<'a> json |> Result.map unbox<'a>

    /// A record with what is missing from another.
    let changed (otherwise: 'a) (json: Placed<Json>) : Result<'a, VectorFault> =
        readRecord typeof<'a> (Some(box otherwise)) json |> Result.map unbox<'a>

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
