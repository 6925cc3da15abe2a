/// What solvers read of the rules and claims says the same as the evaluators, and wrong texts are noticed.
module Matrix.Core.Tests.ProofTests

open System.Text.RegularExpressions
open Expecto
open FsCheck
open FsCheck.FSharp
open Matrix.Rules
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Vectors
open Matrix.Proofs.Interpretation

let private groups = Worlds.groups Versions.withUnstable |> List.map List.head

let private vectors =
    lazy
        [
            for file in VectorFiles.ofKinds [ "authorization"; "power-level" ] do
                for vector in (VectorFiles.parse file).Vectors do
                    match Vectors.authCase vector with
                    | Ok case -> vector.Version, case
                    | Error _ -> ()
        ]

let private ofVectors (version: RoomVersion) : AuthCase list = [
    for id, case in vectors.Value do
        if id = version.Id then
            case
]

let private cases (count: int) (version: RoomVersion) : AuthCase seq =
    let one = Gen.oneof [ AuthGen.case version; AuthGen.levelsCase version ]

    seq {
        yield! ofVectors version

        for part in 1 .. count / 100 do
            yield! Gen.sampleWithSeed (Rnd(uint64 part, 11UL)) 50 100 one
    }

let private differences (agreement: Agreement) (cases: AuthCase seq) : string list =
    cases
    |> Seq.collect (fun case ->
        agreement.Differences case
        |> List.map (fun difference -> $"{difference}\n{case.Display}"))
    |> Seq.truncate 1
    |> List.ofSeq

let private everywhere (old: string) (new': string) (text: string) = text.Replace(old, new')

let private body (name: string) (new': string) (text: string) =
    Regex.Replace(
        text,
        @"\(define-fun\s+"
        + Regex.Escape name
        + @"\s+(\(.*?\)\)|\(\))\s+Bool\s.*?(?=\n\((define|declare|assert))",
        (fun found ->
            let parameters = found.Groups[1].Value
            $"(define-fun {name} {parameters} Bool {new'})"),
        RegexOptions.Singleline
    )

/// Wrong translations and wrong axioms, each in words, and how it changes the text.
let private planted: (string * (string -> string)) list = [
    "power levels are create events",
    everywhere "(= event-type |text m.room.power_levels|)" "(= event-type |text m.room.create|)"
    "joined means invited", everywhere "|text join|" "|text invite|"
    "no text has a domain", body "has-domain" "false"
    "a state key with more text is its own owner", everywhere "(owner event-state-key)" "event-state-key"
    "what is at most a level is below it", everywhere "(<= " "(< "
    "what is below a level is at most it", everywhere "(< " "(<= "
    "some is all", everywhere "(exists" "(forall"
    "all is some", everywhere "(forall" "(exists"
    "a state key is a previous event", everywhere "event-has-state-key" "event-has-previous"
    "rejected is elsewhere", everywhere "cited-is-rejected" "cited-is-elsewhere"
    "listed keys are the single key", everywhere "plain-third-party-signed-listed" "plain-third-party-signed-single"
    "users have the default level of events", everywhere "|text users_default|" "|text events_default|"
    "state needs the level of messages", everywhere "|text state_default|" "|text events_default|"
    "texts are null", everywhere "(_ is text)" "(_ is other)"
    "defaults of 50 are 0", everywhere " 50" " 0"
    "creators have 0 at first", everywhere " 100" " 0"
    "every room id is the create event's", body "room-is-create" "true"
    "contents are lists", everywhere "(assert ((_ is object) event-content))" "(assert ((_ is list) event-content))"
    "ban is a user id", everywhere "(assert (not (is-user-id |text ban|)))" "(assert (is-user-id |text ban|))"
    "lists have every text", everywhere "(plain-contains j x)" "true"
    "the sender is the target", everywhere "event-state-key" "event-sender"
    "any server has signed", everywhere "(is-signed-by " "(has-domain "
]

let private versions = [ Versions.v12; Versions.v8; Versions.v1; Versions.ownedState ]

let tests =
    testList "ProofTests" [
        testList "The text for solvers decides and judges as the evaluators do" [
            for version in groups do
                test version.Id {
                    Expect.isEmpty (differences (Agreement version) (cases 200 version)) "the first difference"
                }
        ]
    ]

/// What takes longer.
let slow =
    testList "ProofTests.slow" [
        testList "A wrong text is noticed" [
            for words, change in planted do
                test words {
                    let isNoticed (version: RoomVersion) =
                        let changed = Agreement(version, change)

                        changed.Text <> (Agreement version).Text
                        && not (differences changed (cases 2000 version)).IsEmpty

                    Expect.isTrue (versions |> List.exists isNoticed) "noticed"
                }
        ]
    ]
