namespace Matrix.Proofs.Encoding

open Matrix.Rules
open Matrix.Proofs.Smt

/// The vocabulary of every file: what an event, the facts about it and the state before it are to a solver. Nothing
/// here depends on a version or on its tables.
///
/// Texts are an uninterpreted sort: user ids, domains, types, state keys and names of members are texts, of which only
/// what the rules read is known. A JSON value is of a datatype; a member of an object is a function of object and name.
/// Levels are integers without bounds. All of this only adds cases to the real ones.
[<RequireQualifiedAccess>]
module Words =

    let private text = "Text"
    let private json = "Json"
    let private cited = "Cited"
    let private bool' = "Bool"
    let private int' = "Int"

    /// The symbol of a literal text, such as `m.room.member`.
    let literal (s: string) : Term =
        // What symbols of SMT-LIB cannot have is written as a % and the character's number.
        let isPlain c =
            c >= ' ' && c <= '~' && c <> '|' && c <> '\\' && c <> '%'

        let written c =
            if isPlain c then string c else "%" + (int c).ToString "x4"

        Term.symbol ("text " + String.collect written s)

    let private escaped = System.Text.RegularExpressions.Regex "%([0-9a-f]{4})"

    /// The literal text of a symbol, if it is one.
    let literalOf (symbol: string) : string option =
        if symbol.StartsWith("|text ", System.StringComparison.Ordinal) then
            Some(
                escaped.Replace(
                    symbol[6 .. symbol.Length - 2],
                    fun found -> string (char (System.Convert.ToInt32(found.Groups[1].Value, 16)))
                )
            )
        else
            None

    /// A member of a JSON value: `absent` if there is none.
    let get (value: Term) (name: Term) : Term = Term.app "get" [ value; name ]

    /// The value at a path of literal names.
    let at (path: string list) (value: Term) : Term =
        (value, path) ||> List.fold (fun value name -> get value (literal name))

    let absent = Term.symbol "absent"

    /// Whether there is a value.
    let isThere (value: Term) : Term =
        Term.not' (Term.isMadeBy "absent" value)

    let isText (value: Term) : Term = Term.isMadeBy "text" value
    let textOf (value: Term) : Term = Term.app "text-value" [ value ]
    let isObject (value: Term) : Term = Term.isMadeBy "object" value
    let isInteger (value: Term) : Term = Term.isMadeBy "integer" value

    /// Whether a list has this text.
    let contains (value: Term) (item: Term) : Term = Term.app "contains" [ value; item ]

    let private nothing = literal ""

    /// Whether the state has an event of this type with this key.
    let inState (eventType: string) (key: Term) : Term =
        Term.app "in-state" [ literal eventType; key ]

    /// The content of an event of the state.
    let contentOf (eventType: string) (key: Term) : Term =
        Term.app "state-content" [ literal eventType; key ]

    /// The sender of an event of the state.
    let senderOf (eventType: string) (key: Term) : Term =
        Term.app "state-sender" [ literal eventType; key ]

    /// The same for events whose state key is empty.
    let inStateAlone (eventType: string) : Term = inState eventType nothing
    let contentAlone (eventType: string) : Term = contentOf eventType nothing
    let senderAlone (eventType: string) : Term = senderOf eventType nothing

    /// The content of the room's power levels; `absent`, which has no members, if there are none.
    let levels: Term = Term.symbol "levels"

    /// The event.
    let eventType = Term.symbol "event-type"
    let sender = Term.symbol "event-sender"
    let hasStateKey = Term.symbol "event-has-state-key"
    let stateKey = Term.symbol "event-state-key"
    let content = Term.symbol "event-content"

    /// Text sorts, for quantifiers.
    let forEveryText (name: string) (body: Term) = Term.forall name text body
    let forSomeText (name: string) (body: Term) = Term.exists name text body
    let forSomeCited (name: string) (body: Term) = Term.exists name cited body

    /// The datatype of JSON values. `fraction` is a number that is no integer, or one beyond 64 bits, with the level
    /// that it counts as where such numbers count; `no` is false; `other` is null or true. Equal values are equal
    /// terms.
    let private datatype =
        let field name sort =
            Term.List [ Term.symbol name; Term.symbol sort ]

        Term.call "declare-datatypes" [
            Term.List [ Term.List [ Term.symbol json; Term.Atom "0" ] ]
            Term.List [
                Term.List [
                    Term.List [ Term.symbol "absent" ]
                    Term.List [ Term.symbol "integer"; field "integer-value" int' ]
                    Term.List [ Term.symbol "text"; field "text-value" text ]
                    Term.List [
                        Term.symbol "fraction"
                        field "fraction-level" int'
                        field "fraction-id" int'
                    ]
                    Term.List [ Term.symbol "no" ]
                    Term.List [ Term.symbol "object"; field "object-id" int' ]
                    Term.List [ Term.symbol "list"; field "list-id" int' ]
                    Term.List [ Term.symbol "other"; field "other-id" int' ]
                ]
            ]
        ]

    /// What is known of each text by itself. The names with `plain` are what the solver may choose; the functions
    /// defined from them have the properties that hold of every text.
    let ofTexts: Term list = [
        Term.declare "is-user-id" [ text ] bool'
        Term.declare "plain-has-domain" [ text ] bool'
        Term.declare "domain" [ text ] text
        Term.declare "plain-starts-with-at" [ text ] bool'
        Term.declare "plain-has-owner" [ text ] bool'
        Term.declare "owner" [ text ] text
        Term.declare "is-level-text" [ text ] bool'
        Term.declare "level-of-text" [ text ] int'
        Term.declare "place" [ text ] int'
        Term.declare "starts-with" [ text; text ] bool'
    ]

    let private definedOfTexts: Term list =
        let x = Term.symbol "x"
        let of' name = Term.app name [ x ]

        [
            Term.define "has-domain" [ "x", text ] bool' (Term.any [ of' "plain-has-domain"; of' "is-user-id" ])
            Term.define "starts-with-at" [ "x", text ] bool' (Term.any [ of' "plain-starts-with-at"; of' "is-user-id" ])
            Term.define
                "has-owner"
                [ "x", text ]
                bool'
                (Term.all [ of' "plain-has-owner"; Term.app "is-user-id" [ of' "owner" ] ])
        ]

    let private ofJson: Term list =
        let j, x = Term.symbol "j", Term.symbol "x"

        [
            Term.declare "get" [ json; text ] json
            Term.declare "plain-contains" [ json; text ] bool'
            Term.declare "plain-lists-user-ids" [ json ] bool'
            Term.declare "lists" [ text; json ] bool'
            Term.define
                "lists-user-ids"
                [ "j", json ]
                bool'
                (Term.all [ Term.isMadeBy "list" j; Term.app "plain-lists-user-ids" [ j ] ])
            Term.define
                "contains"
                [ "j", json; "x", text ]
                bool'
                (Term.all [
                    Term.isMadeBy "list" j
                    Term.app "plain-contains" [ j; x ]
                    Term.implies (Term.app "plain-lists-user-ids" [ j ]) (Term.app "is-user-id" [ x ])
                ])
        ]

    let private ofState: Term list = [
        Term.declare "in-state" [ text; text ] bool'
        Term.declare "state-content" [ text; text ] json
        Term.declare "state-sender" [ text; text ] text
    ]

    let private ofEvent: Term list = [
        Term.declare "event-type" [] text
        Term.declare "event-sender" [] text
        Term.declare "event-has-state-key" [] bool'
        Term.declare "event-state-key" [] text
        Term.declare "event-content" [] json
        Term.declare "event-has-previous" [] bool'
        Term.declare "plain-previous-is-create" [] bool'
        Term.declare "event-has-room-id" [] bool'
        Term.declare "room-has-domain" [] bool'
        Term.declare "room-domain" [] text
        Term.declare "plain-room-is-create" [] bool'
        Term.declare "event-id-has-domain" [] bool'
        Term.declare "event-id-domain" [] text
        Term.declare "redacts-has-domain" [] bool'
        Term.declare "redacts-domain" [] text
        Term.declare "redacted-is-known" [] bool'
        Term.declare "redacted-sender" [] text
        Term.declare "version-is-known" [] bool'
    ]

    let private ofFacts: Term list = [
        Term.declare "is-signed-by" [ text ] bool'
        Term.declare "plain-third-party-signed-single" [] bool'
        Term.declare "plain-third-party-signed-listed" [] bool'
        Term.declare "is-cited" [ cited ] bool'
        Term.declare "cited-type" [ cited ] text
        Term.declare "cited-has-key" [ cited ] bool'
        Term.declare "cited-key" [ cited ] text
        Term.declare "cited-is-rejected" [ cited ] bool'
        Term.declare "cited-is-elsewhere" [ cited ] bool'
    ]

    /// Definitions over the event and the state that all tables and claims share.
    let shared: Term list = [
        Term.define
            "levels"
            []
            json
            (Term.ite (inStateAlone "m.room.power_levels") (contentAlone "m.room.power_levels") absent)
        Term.define
            "event-previous-is-create"
            []
            bool'
            (Term.all [
                Term.symbol "event-has-previous"
                Term.symbol "plain-previous-is-create"
                inStateAlone "m.room.create"
            ])
        Term.define
            "room-is-create"
            []
            bool'
            (Term.all [ Term.symbol "plain-room-is-create"; inStateAlone "m.room.create" ])
    ]

    let private sorts = [
        Term.call "declare-sort" [ Term.symbol text; Term.Atom "0" ]
        Term.call "declare-sort" [ Term.symbol cited; Term.Atom "0" ]
    ]

    /// What holds of every case, beside what the definitions say: literal texts differ, none of them is a user id or
    /// begins with @ or has a domain or counts as a level, and contents are objects.
    let axioms (literals: string list) : Term list = [
        let symbols = literals |> List.map literal

        if symbols.Length > 1 then
            Term.assert' (Term.call "distinct" symbols)

        for s in literals do
            let symbol = literal s

            if not (s.Contains ':') then
                Term.assert' (Term.not' (Term.app "is-user-id" [ symbol ]))
                Term.assert' (Term.not' (Term.app "plain-has-domain" [ symbol ]))

            if not (s.StartsWith '@') then
                Term.assert' (Term.not' (Term.app "plain-starts-with-at" [ symbol ]))

        Term.assert' (
            Term.forall
                "j"
                json
                (Term.forall
                    "x"
                    text
                    (Term.any [
                        isObject (Term.symbol "j")
                        Term.equal (get (Term.symbol "j") (Term.symbol "x")) absent
                    ]))
        )

        Term.assert' (isObject content)

        for eventType in [ "m.room.create"; "m.room.power_levels"; "m.room.join_rules" ] do
            Term.assert' (Term.implies (inStateAlone eventType) (isObject (contentAlone eventType)))
    ]

    /// The declarations that a solver reads first, for texts of which only what is said is known.
    let declarations (literals: string list) : Term list =
        [ Term.call "set-logic" [ Term.Atom "ALL" ] ]
        @ sorts
        @ [ datatype ]
        @ [ for s in literals -> Term.declare $"text {s}" [] text ]
        @ ofTexts
        @ definedOfTexts
        @ ofJson
        @ ofState
        @ ofEvent
        @ ofFacts
