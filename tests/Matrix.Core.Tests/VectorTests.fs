/// The files in `tests/vectors`, in the form that `FORMAT.md` there describes: this implementation gives their answers.
module Matrix.Core.Tests.VectorTests

open System
open System.IO
open System.Text
open System.Text.RegularExpressions
open Expecto
open Matrix.Testing
open Matrix.Core.Json
open Matrix.Host.Crypto
open Matrix.Properties.Generators
open Matrix.Properties.Reference.Authorization
open Matrix.Properties.Vectors
open Matrix.Rules

let ed25519: Ed25519 = {
    PublicKey = fun seed -> Ed25519Key.FromSeed(ReadOnlySpan<byte> seed).PublicKey.ToArray()
    Sign = fun seed message -> Ed25519Key.FromSeed(ReadOnlySpan<byte> seed).Sign(ReadOnlySpan<byte> message)
    Verify =
        fun key message signature ->
            Matrix.Host.Crypto.Ed25519.Verify(
                ReadOnlySpan<byte> key,
                ReadOnlySpan<byte> message,
                ReadOnlySpan<byte> signature
            )
}

let private files = VectorFiles.names

/// The differences between a file's vectors and the results of `answer`.
let private disagreements
    (answer: string -> JsonObject -> Result<JsonObject, VectorFault>)
    (file: VectorFile)
    : string list = [
    for vector in file.Vectors do
        let where = $"{vector.Place}, version {vector.Version}, {vector.Name}"

        match answer file.Kind vector.Question with
        | Error fault -> $"{where}: {fault}"
        | Ok answered ->
            for difference in Vectors.differences file.Kind true vector answered do
                $"{where}: {difference}"
]

let private decidingFiles =
    VectorFiles.ofKinds [ "authorization"; "redaction-handling" ]

/// The published examples of the specification, with the file that has them and their number: the table in `FORMAT.md`.
let private published =
    let row =
        Regex @"^\| (?<place>[^|]+) \| `(?<file>[a-z0-9/-]+\.json)` \| (?<count>\d+) \|"

    File.ReadAllLines(Path.Combine(VectorFiles.folder, "FORMAT.md"))
    |> Array.map row.Match
    |> Array.filter _.Success
    |> Array.map (fun m -> m.Groups["place"].Value, m.Groups["file"].Value, int m.Groups["count"].Value)

let private case =
    """"name":"n","version":"12","room":"r","state":[],"auth_events":[]"""

/// Every vector about authorization, with its case.
let private asked: Lazy<(string * Vector * AuthCase) list> =
    lazy
        [
            for file in VectorFiles.ofKinds [ "authorization" ] do
                for vector in (VectorFiles.parse file).Vectors do
                    match Vectors.authCase vector with
                    | Ok case -> file, vector, case
                    | Error fault -> failwith $"{fault}"
        ]

let private decisions (id: string) : AuthCase list = [
    for file in VectorFiles.ofKinds [ "authorization" ] do
        for vector in (VectorFiles.parse file).Vectors do
            if vector.Version = id then
                match Vectors.authCase vector with
                | Ok case -> case
                | Error fault -> failwith $"{fault}"
]

let tests =
    testList "VectorTests" [
        testTheory "This implementation gives the file's answer to every vector" files
        <| fun file ->
            let read = VectorFiles.parse file
            Expect.isNonEmpty read.Vectors "vectors"
            Expect.isEmpty (disagreements (Vectors.answer ed25519) read) "disagreements"

        testTheory "The literal evaluator gives the file's answer to every decision" decidingFiles
        <| fun file ->
            let read = VectorFiles.parse file

            let literal (vector: Vector) =
                if read.Kind = "authorization" then
                    match Vectors.authCase vector with
                    | Ok case -> AuthReference.decide case
                    | Error fault -> failwith $"{fault}"
                else
                    match Vectors.redactionCase vector with
                    | Ok case ->
                        AuthReference.askOfRedaction
                            (case.Asks.Table case.Version)
                            {
                                Version = case.Version
                                Event = case.Redaction
                                Find = fun eventType key -> case.State.TryFind(eventType, key)
                                Facts = Matrix.Core.Auth.AuthFacts.OfAccepted [||]
                            }
                            case.RedactedSender
                    | Error fault -> failwith $"{fault}"

            let differing = [
                for vector in read.Vectors do
                    let decision = literal vector

                    if not (Vectors.differences read.Kind true vector (Vectors.ofDecision decision)).IsEmpty then
                        $"{vector.Place}: {decision}"
            ]

            Expect.isEmpty differing "differing"

        test "Every kind has vectors" {
            Expect.sameElements
                (files |> Array.map (fun f -> (VectorFiles.parse f).Kind) |> Array.distinct)
                Vectors.kinds
                "files"
        }

        test "No two vectors of a file have the same name and version" {
            for file in files do
                let twice =
                    (VectorFiles.parse file).Vectors
                    |> List.countBy (fun v -> v.Name, v.Version, v.Question.Has "decode")
                    |> List.filter (fun (_, count) -> count > 1)

                Expect.isEmpty twice file
        }

        test "The table of published examples agrees with the files" {
            let inFiles = [|
                for file in files do
                    let places = [
                        for case in VectorFiles.casesOf file do
                            if case.Has "published" then
                                string (case.Text "published")
                    ]

                    for place, count in List.countBy id places -> place, file, count
            |]

            Expect.isNonEmpty published "published"
            Expect.sameElements inFiles published "in files"
        }

        test "An answer that differs in any member is reported" {
            for file in files do
                let read = VectorFiles.parse file

                for vector in List.truncate 40 read.Vectors do
                    for struct (key, value) in vector.Expected.Members do
                        let other =
                            match value with
                            | Json.Bool b -> Json.Bool(not b)
                            | _ -> Json.String "something else"

                        let wrong =
                            JsonObject.OfSeq(Seq.append vector.Expected.Members [ struct (key, other) ])

                        let found = Vectors.differences read.Kind true vector wrong
                        Expect.equal (found |> List.map _.Member) [ key ] $"{file} {vector.Place}"

                    Expect.isTrue (Vectors.differences read.Kind true vector vector.Expected).IsEmpty "differences"
                    Expect.isFalse (Vectors.differences read.Kind false vector JsonObject.Empty).IsEmpty "differences"
        }

        test "Another implementation need not know our names, and if it does they are compared" {
            let file = VectorFiles.parse "authorization/decisions.json"
            let vector = file.Vectors |> List.find (fun v -> v.Expected.Has "reason")

            let only keys =
                JsonObject.OfSeq(
                    vector.Expected.Members
                    |> Seq.filter (fun struct (k, _) -> List.contains k keys)
                )

            Expect.isTrue (Vectors.differences file.Kind false vector (only [ "allowed" ])).IsEmpty "differences"
            Expect.isFalse (Vectors.differences file.Kind true vector (only [ "allowed" ])).IsEmpty "differences"

            let renamed =
                JsonObject.OfSeq(Seq.append (only [ "allowed" ]).Members [ struct ("clause", Json.String "other") ])

            Expect.equal
                (Vectors.differences file.Kind false vector renamed |> List.map _.Member)
                [ "clause" ]
                "member of differences"
        }

        testTheory "A malformed file is reported with the position of its fault" [
            """{"about":"a",""", "line 1, column 13", "a JSON object"
            "[]", "line 1, column 1", "a JSON object"
            """{"kind":"redaction","cases":[]}""", "the file", "'about' is missing"
            """{"versions":{}}""", "the file", "expected test vectors"
            """{"about":"a","kind":"redaction-handling","rooms":{"12":{"room_id":"!r","events":{}}},
              "cases":[{"name":"n","version":"12","asks":"seen","event":{},"redacted":{},"state":[]}]}""",
            "cases[0].asks",
            "expected one of applied, sent, found \"seen\""
            """{"about":"a","kind":"song","cases":[]}""", "kind", "\"song\""
            """{"about":"a","kind":"redaction","cases":{}}""", "cases", "a list"
            """{"about":"a","kind":"redaction","cases":[{"name":5}]}""", "cases[0].name", "a string"
            """{"about":"a","kind":"redaction","cases":[{"name":"n","versions":["12","0"],"redacted":{}}]}""",
            "cases[0].versions[1]",
            "\"0\""
            """{"about":"a","kind":"canonical-json","cases":[{"name":"n","input":"{}"}]}""", "cases[0]", "'refused'"
        ]
        <| fun (text, place, expected) ->
            match Vectors.read (ReadOnlySpan<byte>(Encoding.UTF8.GetBytes text)) with
            | Error fault ->
                Expect.equal fault.Place place "place"
                Expect.stringContains fault.Problem expected "problem"
            | Ok _ -> failtest "read"

        testTheory "A malformed decision is reported with the position of its fault" [
            """{"about":"a","kind":"authorization","cases":[{CASE}]}""", "the file", "'rooms' is missing"
            """{"about":"a","kind":"authorization","rooms":{},
              "cases":[{CASE,"event":{},"allowed":true,"clause":"c"}]}""",
            "rooms",
            "'r' is missing"
            """{"about":"a","kind":"authorization","rooms":{"r":{"room_id":"!r","events":{}}},
              "cases":[{CASE,"event":{},"rejected":[1],"allowed":true,"clause":"c"}]}""",
            "cases[0].rejected[0]",
            "a string"
            """{"about":"a","kind":"authorization","rooms":{"r":{"room_id":"!r","events":{}}},
              "cases":[{CASE,"event":{},"allowed":false,"clause":"c"}]}""",
            "cases[0]",
            "'reason'"
        ]
        <| fun (text, place, expected) ->
            match Vectors.read (ReadOnlySpan<byte>(Encoding.UTF8.GetBytes(text.Replace("CASE", case)))) with
            | Error fault ->
                Expect.equal fault.Place place "place"
                Expect.stringContains fault.Problem expected "problem"
            | Ok _ -> failtest "read"

        test "The sender's server signs every event, and questions do not name it" {
            let file = VectorFiles.parse "authorization/decisions.json"

            let signers =
                file.Vectors
                |> List.filter (fun v -> v.Name = "Any member event that names an authorising user needs the signature")
                |> List.map (fun v ->
                    match Vectors.authCase v with
                    | Ok case -> List.ofArray case.Facts.Signers
                    | Error fault -> failwith $"{fault}")

            Expect.equal signers (List.replicate 3 [ "two" ]) $"%A{signers}"
        }

        test "No decision names the sender's own server among the signers" {
            let redundant = [
                for file in VectorFiles.ofKinds [ "authorization" ] do
                    for case in VectorFiles.casesOf file do
                        match case.TryFind "signers", case.TryFind "event" with
                        | ValueSome(Json.Array signers), ValueSome(Json.Object event) ->
                            let sender = string (event.Text "sender")
                            let own = Json.String(sender.Substring(sender.IndexOf ':' + 1))

                            if Array.contains own signers then
                                file + ": " + string (case.Text "name")
                        | _ -> ()
            ]

            Expect.isEmpty redundant "redundant"
        }

        testCase "Rules read back from their JSON decide every vector as the rules themselves do"
        <| fun () ->
            let given (result: Result<'a, VectorFault>) =
                match result with
                | Ok value -> value
                | Error fault -> failwith $"{fault}"

            let reread (json: Json) =
                match
                    JsonReader.Parse(
                        ReadOnlySpan<byte>(CanonicalJson.bytes json),
                        Reading.Client,
                        JsonLimits.federationBody
                    )
                with
                | Ok json -> json
                | Error e -> failwith $"{e}"

            let rules =
                dict [
                    for v in Versions.withUnstable ->
                        v.Id,
                        Matrix.Core.Auth.AuthRules {
                            v with
                                Authorization =
                                    RuleTrees.ofRules v.Authorization |> reread |> RuleTrees.readRules |> given
                                Handling = RuleTrees.ofRules v.Handling |> reread |> RuleTrees.readRules |> given
                                Selections =
                                    RuleTrees.ofSelections v.Selections
                                    |> reread
                                    |> RuleTrees.readSelections
                                    |> given
                        }
                ]

            let mutable asked = 0

            for file in VectorFiles.ofKinds [ "authorization" ] do
                let read = VectorFiles.parse file

                for vector in read.Vectors do
                    let decision =
                        AuthCase.decide rules[vector.Version] (given (Vectors.authCase vector))

                    asked <- asked + 1

                    if not (Vectors.differences read.Kind true vector (Vectors.ofDecision decision)).IsEmpty then
                        failtest $"{file} {vector.Place}: {decision}"

            Expect.isGreaterThan asked 2000 "asked"

            for v in Versions.withUnstable do
                let again = rules[v.Id].Version

                Expect.isTrue
                    ((again.Authorization = v.Authorization
                      && again.Handling = v.Handling
                      && again.Selections = v.Selections))
                    v.Id

        testList "A version's tables are read as they are written" [
            for v in Versions.withUnstable do
                test v.Id {
                    match RuleTables.read (ReadOnlySpan<byte>(CanonicalJson.bytes (RuleTables.write v))) with
                    | Ok again -> Expect.equal again v "again"
                    | Error fault -> failtest $"{fault}"
                }
        ]

        testList "A version's tables are written alike from their types and by the names of these alone" [
            for v in Versions.withUnstable do
                test v.Id { Expect.equal (ForeignTables.write v.Id v) (Ok(RuleTables.write v)) "written" }
        ]

        test "A whole file of tables leaves out nothing" {
            let whole = RuleTables.write Versions.v12 |> CanonicalJson.text

            for missing in [ "\"handling\":"; "\"creator-power\":" ] do
                let name = missing.Trim('"', ':')
                let text = whole.Replace(missing, $"\"{name}x\":")

                match RuleTables.readWhole (ReadOnlySpan<byte>(Encoding.UTF8.GetBytes text)) with
                | Ok _ -> failtest name
                | Error fault -> Expect.stringContains (string fault) name name

            Expect.isOk (RuleTables.readWhole (ReadOnlySpan<byte>(Encoding.UTF8.GetBytes whole))) "as it is"
        }

        test "What a file of tables leaves out is as in its version" {
            let file = """{"version":"12","settings":{"creators":"sender"}}"""

            match RuleTables.read (ReadOnlySpan<byte>(Encoding.UTF8.GetBytes file)) with
            | Ok changed ->
                Expect.equal
                    changed
                    {
                        Versions.v12 with
                            Settings = Settings.apply (Setting.Creators Creators.Sender) Versions.v12.Settings
                    }
                    "changed"
            | Error fault -> failtest $"{fault}"
        }

        testTheory "Malformed tables are reported with the position of their fault" [
            "{", "line 1, column 2", "expected a JSON object"
            "{}", "the file", "'version' is missing"
            """{"version":"0"}""", "version", "there is no room version '0'"
            """{"version":"12","rule":[]}""", "rule", "expected one of version, rules"
            """{"version":"12","settings":{"creator":"sender"}}""", "settings.creator", "expected one of"
            """{"version":"12","settings":{"creators":"all"}}""", "settings.creators", "found \"all\""
            """{"version":"12","redaction":{"top-level":[],"content":{"a":"most"}}}""",
            "redaction.content.a",
            "found \"most\""
            """{"version":"12","handling":[{"kind":"clause","id":"a|b"}]}""", "handling[0].id", "expected a name"
            """{"version":"12","rules":[{"kind":"clause","id":"a","holds":"always"}]}""",
            "rules[0].holds",
            "expected one of"
            """{"version":"12","selection":[{"id":"a","text":"","type":7}]}""", "selection[0].type", "expected a string"
        ]
        <| fun (text, place, expected) ->
            match RuleTables.read (ReadOnlySpan<byte>(Encoding.UTF8.GetBytes text)) with
            | Error fault ->
                Expect.equal fault.Place place "place"
                Expect.stringContains fault.Problem expected "problem"
            | Ok _ -> failtest "read"

        test "The page about rules as JSON lists every condition" {
            let page = File.ReadAllText(Path.Combine(VectorFiles.folder, "rules-json.md"))

            Expect.isEmpty
                (RuleTrees.conditionNames
                 |> List.filter (fun name -> not (page.Contains("`" + name + "`"))))
                "condition names"
        }

        testTheory "Malformed rules in JSON are reported with the position of their fault" [
            """[{"kind":"clause"}]""", "rules[0]", "'id' is missing"
            """[{"kind":"scope","id":"a","text":"","when":"sometimes","inside":[]}]""", "rules[0].when", "sometimes"
            """[{"kind":"scope","id":"a","text":"","when":{"compare":["required"]},"inside":[]}]""",
            "rules[0].when.compare",
            "3 values"
        ]
        <| fun (text, place, expected) ->
            match
                JsonReader.Parse(ReadOnlySpan<byte>(Encoding.UTF8.GetBytes text), Reading.Client, JsonLimits.clientBody)
            with
            | Ok json ->
                match RuleTrees.readRules json with
                | Error fault ->
                    Expect.equal fault.Place place "place"
                    Expect.stringContains fault.Problem expected "problem"
                | Ok _ -> failtest "read"
            | Error e -> failtest $"{e}"

        test "No event is both in the state and a rejected auth event" {
            let both = [
                for file, vector, case in asked.Value do
                    let inState = set [ for event in case.State.Values -> event.EventId ]

                    if
                        case.Facts.AuthEvents
                        |> Array.exists (fun c -> c.Rejected && inState.Contains c.Event.EventId)
                    then
                        $"{file} {vector.Place}"
            ]

            Expect.isEmpty both "both"
        }

        test "A state has its create event, or the room is unknown" {
            let lacking = [
                for file, vector, case in asked.Value do
                    if
                        vector.Optional = ""
                        && case.Event.Type <> "m.room.create"
                        && not case.State.IsEmpty
                        && not (case.State.ContainsKey("m.room.create", ""))
                    then
                        $"{file} {vector.Place}"
            ]

            Expect.isEmpty lacking "lacking"
        }

        test "Answers that no page decides are marked optional" {
            let unmarked = [
                for file, vector, case in asked.Value do
                    let clause = string (vector.Expected.Text "clause")

                    let isReading =
                        Rule.all case.Version.Authorization
                        |> List.exists (fun rule -> Rule.name rule = clause && (Rule.head rule).Reading.IsSome)

                    if isReading && vector.Optional = "" then
                        $"{file} {vector.Place}"
            ]

            Expect.isEmpty unmarked "unmarked"
        }

        testTheory "The vectors distinguish every rule from its absence and from one that always applies" [
            "10"
            "11"
            "12"
        ]
        <| fun id ->
            let version = Versions.tryFind id |> Option.get
            let rules = Matrix.Core.Auth.AuthRules version
            let asked = decisions id
            let right = asked |> List.map (AuthCase.decide rules)

            let always rule =
                match rule with
                | Rule.Scope(head, _, inside) -> Some(Rule.Scope(head, Condition.Always, inside))
                | Rule.Clause(head, condition, outcome, parts) when condition <> Condition.Always ->
                    Some(Rule.Clause(head, Condition.Always, outcome, parts))
                | Rule.Iff(head, applies, _, reason) -> Some(Rule.Iff(head, applies, Condition.Always, reason))
                | _ -> None

            let slips = [
                for rule in Rule.all version.Authorization do
                    let name = Rule.name rule

                    // Rules that always apply cannot be distinguished from an always applied one; the last rule cannot
                    // be left out.
                    if name <> "otherwise" then
                        $"without {name}", Edit.Remove name

                    match always rule with
                    | Some replacement when replacement <> rule -> $"{name} always", Edit.Replace(name, replacement)
                    | _ -> ()
            ]

            let undetected = [
                for name, slip in slips do
                    let mutant =
                        Matrix.Core.Auth.AuthRules {
                            version with
                                Authorization = Rule.edit slip version.Authorization
                        }

                    if List.forall2 (fun case decision -> AuthCase.decide mutant case = decision) asked right then
                        name
            ]

            Expect.isEmpty undetected "undetected"
    ]
