namespace Matrix.Proofs.Queries

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Properties.Generators
open Matrix.Properties.Reference.Authorization
open Matrix.Proofs.Encoding
open Matrix.Proofs.Smt
open Matrix.Proofs.Universe

/// What is proved of two versions, or of two states, side by side.
[<RequireQualifiedAccess>]
module Comparisons =

    /// The decision of both evaluators on a case; none if they differ.
    let decided (version: RoomVersion) (case: AuthCase) : Decision option =
        let case = { case with Version = version }
        let decision = AuthCase.decide (AuthRules version) case

        if AuthReference.decide case = decision then
            Some decision
        else
            None

    /// That the second version, called by its name, accepts everything that the first accepts.
    let acceptsAs (nameA: string, a: RoomVersion) (nameB: string, b: RoomVersion) : Query =
        let first, second = Tables.ofVersion "first" a, Tables.ofVersion "second" b

        {
            Name = $"{nameA}/accepted-by/{nameB}"
            Sentence = $"Version {nameB} accepts everything that version {nameA} accepts."
            Version = a
            Question = {
                Definitions = first.Definitions @ second.Definitions
                Asserted = [ first.Allowed; Term.not' second.Allowed ]
            }
            Assumptions = []
            Sought = Sought.NoCase
            Replays =
                fun found ->
                    match decided a found.Case, decided b found.Case with
                    | Some first, Some second -> first.IsOk && not second.IsOk
                    | _ -> false
        }

    /// That the second version accepts everything that the first accepts.
    let accepts (a: RoomVersion) (b: RoomVersion) : Query = acceptsAs (a.Id, a) (b.Id, b)

    /// Versions that authorization cannot tell apart, in order, each group together.
    let groups (versions: RoomVersion list) : RoomVersion list list =
        (versions, [])
        ||> List.foldBack (fun version groups ->
            match groups with
            | (next :: _ as group) :: rest when Queries.readsAlike version next -> (version :: group) :: rest
            | _ -> [ version ] :: groups)

    /// Whether the create event is in the state of every event, for the room id names it.
    let private namesCreate (version: RoomVersion) =
        version.Settings.RoomIds = RoomIdForm.HashOfCreate

    let private isKept (eventType: string) = $"is kept {eventType}"

    /// Reads only that part of the state whose keys are selected, in place of the whole.
    let rec private narrowed (shared: Set<string>) (term: Term) : Term =
        let inner = narrowed shared

        match term with
        | Term.List [ Term.Atom("in-state" | "state-content" | "state-sender" as read); name; key ] ->
            let key = inner key
            let value = Term.app read [ name; key ]

            let nothing =
                match read with
                | "in-state" -> Term.no
                | "state-content" -> Words.absent
                | _ -> Words.literal ""

            match name |> Term.line |> Words.literalOf with
            | Some eventType -> Term.ite (Term.app (isKept eventType) [ key ]) value nothing
            | None -> value
        | Term.List parts -> Term.List(List.map inner parts)
        | Term.Atom name when shared.Contains name -> Term.symbol $"kept {name}"
        | atom -> atom

    let private definedName (term: Term) : string option =
        match term with
        | Term.List(Term.Atom "define-fun" :: Term.Atom name :: _) -> Some name
        | _ -> None

    /// The types of the state that these terms read.
    let rec private typesRead (term: Term) : string list =
        match term with
        | Term.List [ Term.Atom("in-state" | "state-content" | "state-sender"); name; key ] ->
            Option.toList (name |> Term.line |> Words.literalOf) @ typesRead key
        | Term.List parts -> List.collect typesRead parts
        | Term.Atom _ -> []

    /// The selected part of the state of a case, read from the version's rows by the literal reference.
    let private selectedPart (version: RoomVersion) (case: AuthCase) : Map<string * string, Pdu> =
        let wanted =
            set (AuthReference.selection version case.Event)
            |> Set.union (
                if namesCreate version then
                    set [ "m.room.create", "" ]
                else
                    Set.empty
            )

        case.State |> Map.filter (fun key _ -> wanted.Contains key)

    /// That the decision on an event is that on the selected part of the state alone. So two states that agree on the
    /// selected keys give the same decision: both give that of the part that they share.
    let selection (version: RoomVersion) : Query =
        let whole = Tables.ofVersion version.Id version
        let part = Tables.ofVersion "part" version
        let shared = Words.shared |> List.choose definedName |> set

        let place: Place = {
            Reading = Powers.readingOf version.Id version.Settings
            Selections = version.Selections
            Entry = None
        }

        let keep = [
            for eventType in Words.shared @ part.Definitions |> List.collect typesRead |> List.distinct ->
                let x = Term.symbol "x"

                Term.define
                    (isKept eventType)
                    [ "x", "Text" ]
                    "Bool"
                    (Term.any [
                        Conditions.selected place (Words.literal eventType) Term.yes x
                        if namesCreate version && eventType = "m.room.create" then
                            Term.equal x (Words.literal "")
                    ])
        ]

        let sharedAgain = [
            for term in Words.shared do
                match term with
                | Term.List(define :: Term.Atom name :: rest) ->
                    Term.List(define :: Term.symbol $"kept {name}" :: List.map (narrowed Set.empty) rest)
                | other -> other
        ]

        {
            Name = $"{version.Id}/selection"
            Sentence = $"In version {version.Id} two states that agree on the selected keys give the same decision."
            Version = version
            Question = {
                Definitions =
                    whole.Definitions
                    @ keep
                    @ sharedAgain
                    @ List.map (narrowed shared) part.Definitions
                Asserted = [
                    Term.any [
                        for (_, a), (_, b) in List.zip whole.Leaves part.Leaves -> Term.not' (Term.equal a b)
                    ]
                ]
            }
            Assumptions = []
            Sought = Sought.NoCase
            Replays =
                fun found ->
                    let case = found.Case

                    let narrow = {
                        case with
                            State = selectedPart version case
                    }

                    match decided version case, decided version narrow with
                    | Some first, Some second -> first <> second
                    | _ -> false
        }
