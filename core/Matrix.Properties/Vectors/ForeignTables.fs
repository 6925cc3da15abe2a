namespace Matrix.Properties.Vectors

open System
open System.Collections
open FSharp.Reflection
open Matrix.Core.Json
open Matrix.Properties.Vectors.Places

/// The tables of a room version of another build of the rules as JSON: the types are read by their names, and need not
/// be those of this program. For a version of this program it is the same as `RuleTables.write`.
[<RequireQualifiedAccess>]
module ForeignTables =

    /// A value and the type that it is declared with.
    type private Typed = { Type: Type; Value: objnull }

    // What has another form ends in an exception, which `write` turns into a fault: reflection itself throws, too.
    let private other (what: string) : 'a = raise (NotSupportedException what)

    let private of' (name: string) (record: Typed) : Typed =
        match record.Type.GetProperty name with
        | null -> other $"a {record.Type.Name} without {name}"
        | property -> {
            Type = property.PropertyType
            Value = property.GetValue record.Value
          }

    let private items (list: Typed) : Typed list =
        match list.Value with
        | :? IEnumerable as values ->
            let inner = list.Type.GetGenericArguments()[0]
            [ for value in values -> { Type = inner; Value = value } ]
        | _ -> []

    let private term (it: Typed) : Json = Terms.write it.Type it.Value

    let private text (it: Typed) : Json = Json.String(string it.Value)

    let private head (kind: string) (head: Typed) : (string * Json) list = [
        "kind", Json.String kind
        "id", text (of' "Name" head)
        "text", text (of' "Text" head)
        match (of' "Reading" head).Value with
        | null -> ()
        | :? (int option) as reading ->
            match reading with
            | Some decision -> "decision", Json.Int(int64 decision)
            | None -> ()
        | _ -> other "a rule whose reading is no number"
    ]

    let private list (write: Typed -> Json) (it: Typed) : Json =
        Json.Array [| for item in items it -> write item |]

    let private part (it: Typed) : Json =
        Json.Object(members (head "part" (of' "Head" it) @ [ "when", term (of' "Condition" it) ]))

    let rec private rule (it: Typed) : Json =
        let case, values = FSharpValue.GetUnionFields(it.Value, it.Type)

        let fields = [
            for field, value in Array.zip (case.GetFields()) values ->
                {
                    Type = field.PropertyType
                    Value = value
                }
        ]

        match case.Name, fields with
        | "Scope", [ h; condition; inside ] -> head "scope" h @ [ "when", term condition; "inside", list rule inside ]
        | "ForEach", [ h; altered; entries; condition; inside ] ->
            head "for-each" h
            @ [
                "altered", term altered
                "entries", term entries
                "when", term condition
                "inside", list rule inside
            ]
        | "Clause", [ h; condition; outcome; parts ] ->
            head "clause" h
            @ [ "when", term condition; "outcome", term outcome; "parts", list part parts ]
        | "Iff", [ h; applies; holds; reason ] ->
            head "iff" h
            @ [ "when", term applies; "holds", term holds; "reason", term reason ]
        | name, _ -> other $"a rule of the form {name} with {fields.Length} values"
        |> members
        |> Json.Object

    let private selection (it: Typed) : Json =
        Json.Object(
            members [
                "id", text (of' "Name" it)
                "text", text (of' "Text" it)
                "type", text (of' "Type" it)
                "key", term (of' "Key" it)
                "when", term (of' "When" it)
            ]
        )

    let private redaction (it: Typed) : Json =
        let content = of' "Content" it

        let kept =
            match content.Value with
            | :? IEnumerable as pairs -> [
                for pair in pairs do
                    let pair = {
                        Type = (nonNull pair).GetType()
                        Value = pair
                    }

                    string (of' "Key" pair).Value, term (of' "Value" pair)
              ]
            | _ -> []

        Json.Object(
            members [
                "top-level", list text (of' "TopLevel" it)
                "content", Json.Object(members kept)
            ]
        )

    /// A version's tables under a name that this program knows, or what of them has a form that it does not know.
    let write (id: string) (version: obj) : Result<Json, string> =
        let version = {
            Type = version.GetType()
            Value = version
        }

        try
            Ok(
                Json.Object(
                    members [
                        "version", Json.String id
                        "rules", list rule (of' "Authorization" version)
                        "selection", list selection (of' "Selections" version)
                        "handling", list rule (of' "Handling" version)
                        "redaction", redaction (of' "Redaction" version)
                        "settings", term (of' "Settings" version)
                    ]
                )
            )
        with
        | :? NotSupportedException
        | :? ArgumentException
        | :? InvalidCastException as fault -> Error fault.Message
