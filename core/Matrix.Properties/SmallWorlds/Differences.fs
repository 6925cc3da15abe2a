namespace Matrix.Properties.SmallWorlds

open System.Collections.Generic
open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators

/// A case that two versions decide differently.
type DecidedApart = {
    /// What is to be said of the case.
    Words: string list
    Weight: int
    First: AuthCase
    FirstDecision: Decision
    Second: AuthCase
    SecondDecision: Decision
} with

    /// Whether both accept or both reject it, by different clauses.
    member this.IsSameVerdict = this.FirstDecision.IsOk = this.SecondDecision.IsOk

/// A room of which two servers hold different states, which two versions resolve differently.
type ResolvedApart = {
    Fork: Forks.Fork
    /// The type and state key at which they do.
    Key: string * string
    /// What stands there then; none if nothing does.
    First: string option
    Second: string option
    /// The room, and what becomes of it in each, in words.
    Words: string * string * string
}

/// Something that shows how two versions differ.
[<RequireQualifiedAccess>]
type Shown =
    | Decided of DecidedApart
    /// An event, and what redaction leaves of it in each.
    | Redacted of event: JsonObject * first: JsonObject * second: JsonObject
    /// What is given, and what becomes of it in each.
    | Told of given: string * first: string * second: string
    /// A room of which two servers hold different states, and what these resolve to.
    | Resolved of ResolvedApart

/// A row that differs, and what shows it; none if nothing was found that does.
type Witnessed = {
    Change: RowChange
    Shown: Shown option
}

/// The smallest case for each row of authorization in which two versions differ.
[<RequireQualifiedAccess>]
module internal DecisionSearch =

    /// A difference that is looked for.
    type private Goal(change: RowChange, isShown: Decision -> Decision -> World -> int[] -> bool) =
        member _.Change = change
        member _.IsShown(a, b, world, case) = isShown a b world case
        /// Decided by different clauses with the same verdict.
        member val Reason: DecidedApart option = None with get, set
        member val Verdict: DecidedApart option = None with get, set

    let private clauseOf (decision: Decision) =
        match decision with
        | Decision.Allowed clause -> clause
        | Decision.Rejected failure -> failure.Clause

    let private within (row: string) (decision: Decision) =
        let clause = clauseOf decision
        clause = row || clause.StartsWith(row + ".", System.StringComparison.Ordinal)

    /// Decided by the row where it is there.
    let private byRow (change: RowChange) : Decision -> Decision -> World -> int[] -> bool =
        let id = (RowChanges.row change).Id

        match change with
        | RowChange.Added _ -> fun _ b _ _ -> within id b
        | RowChange.Removed _ -> fun a _ _ _ -> within id a
        | _ -> fun a b _ _ -> within id a || within id b

    /// The newer version, with one setting or selection as the older has it, where the row tells of one.
    let private reverted (a: RoomVersion) (b: RoomVersion) (change: RowChange) : RoomVersion option =
        let row = RowChanges.row change

        let settings change =
            Some { b with Settings = change b.Settings }

        match row.Id with
        | "rooms.creators" ->
            settings (fun s -> {
                s with
                    Creators = a.Settings.Creators
            })
        | "power.creators" ->
            settings (fun s -> {
                s with
                    CreatorPower = a.Settings.CreatorPower
            })
        | id when id.StartsWith "power.values" || id = "policy.power-levels.malformed" ->
            settings (fun s -> {
                s with
                    PowerLevelValues = a.Settings.PowerLevelValues
            })
        | id when id.StartsWith "selection." ->
            let name = id.Substring 10

            let others =
                b.Selections
                |> List.filter (fun s -> s.Name <> name && "selection." + s.Name <> id)

            let old =
                a.Selections
                |> List.filter (fun s -> s.Name = name || "selection." + s.Name = id)

            Some { b with Selections = others @ old }
        | _ -> None

    let private goals (a: RoomVersion) (b: RoomVersion) (changes: RowChange list) : Goal list =
        let stages = Dictionary<string, Stage>()

        changes
        |> List.choose (fun change ->
            let row = RowChanges.row change

            if RowChanges.isWordingOnly change then
                None
            elif row.Area = Area.Authorization then
                Some(Goal(change, byRow change))
            elif row.Id = "rooms.join-rules" then
                // The clauses that read the join rule tell of it; the rule itself is one that only one version has.
                let only =
                    List.except a.Settings.JoinRules b.Settings.JoinRules
                    @ List.except b.Settings.JoinRules a.Settings.JoinRules
                    |> List.map Settings.joinRuleWord

                Some(
                    Goal(
                        change,
                        fun x y world case ->
                            x.IsOk <> y.IsOk
                            && World.describe world case
                               |> List.exists (fun words -> only |> List.exists (fun rule -> words = "join rule " + rule))
                    )
                )
            else
                // Which of the two is asked about makes no difference to what differs.
                let age (version: RoomVersion) =
                    Versions.withUnstable |> List.findIndex (fun v -> v.Id = version.Id)

                let isForward = age a <= age b
                let older, newer = if isForward then a, b else b, a

                reverted older newer change
                |> Option.map (fun hybrid ->
                    let rules = AuthRules hybrid

                    Goal(
                        change,
                        fun x y world case ->
                            x.IsOk <> y.IsOk
                            && (let stage =
                                    // A setting changes how events are read; a selection only what may be cited of the same events.
                                    let ground = if hybrid.Settings = newer.Settings then newer else hybrid
                                    let key = ground.Id + row.Id + world.Name

                                    match stages.TryGetValue key with
                                    | true, stage -> stage
                                    | _ ->
                                        let stage = Stage(Ground(world, ground))
                                        stages[key] <- stage
                                        stage

                                stage.Load case
                                (stage.Decide rules).IsOk = (if isForward then x else y).IsOk)
                    )))

    /// Looks for all of them at once, the lightest cases first.
    let run (a: RoomVersion) (b: RoomVersion) (changes: RowChange list) (limit: int) : Map<string, Shown> =
        let goals = goals a b changes
        let rulesA, rulesB = AuthRules a, AuthRules b

        let stages =
            Worlds.all
            |> List.map (fun world -> world, lazy (Stage(Ground(world, a, rulesA))), lazy (Stage(Ground(world, b, rulesB))))

        let mutable left = goals
        let mutable weight = 0

        while not left.IsEmpty && weight <= limit do
            for world, onA, onB in stages do
                Enumeration.ofWeight world [ a; b ] weight (fun case ->
                    let onA, onB = onA.Value, onB.Value
                    onA.Load case
                    onB.Load case
                    let x, y = onA.Decide rulesA, onB.Decide rulesB

                    if x.IsOk <> y.IsOk || clauseOf x <> clauseOf y then
                        for goal in left do
                            if
                                (if x.IsOk <> y.IsOk then
                                     goal.Verdict.IsNone
                                 else
                                     goal.Reason.IsNone)
                                && goal.IsShown(x, y, world, case)
                            then
                                let apart = {
                                    Words = World.describe world case
                                    Weight = weight
                                    First = onA.Case
                                    FirstDecision = x
                                    Second = onB.Case
                                    SecondDecision = y
                                }

                                if apart.IsSameVerdict then
                                    goal.Reason <- Some apart
                                else
                                    goal.Verdict <- Some apart

                    false)
                |> ignore

            // Where only the reason differs, a little more is looked at before it is believed.
            left <-
                left
                |> List.filter (fun goal ->
                    goal.Verdict.IsNone
                    && (goal.Reason.IsNone || goal.Reason.Value.Weight + 2 > weight))

            weight <- weight + 1

        Map [
            for goal in goals do
                match Option.orElse goal.Reason goal.Verdict with
                | Some apart -> (RowChanges.row goal.Change).Id, Shown.Decided apart
                | None -> ()
        ]

/// What becomes of one event, or of one text, in two versions.
[<RequireQualifiedAccess>]
module internal FormatSearch =

    let private object' (members: (string * Json) list) = JsonWriting.object' members

    let private references (version: RoomVersion) (ids: string list) : Json =
        Json.Array [|
            for id in ids ->
                match version.Settings.References with
                | EventReferences.Ids -> text id
                | EventReferences.IdsWithHashes -> Json.Array [| text id; nested [ "sha256", text "aGFzaA" ] |]
        |]

    /// An event of the form that a version has.
    let private event (version: RoomVersion) (more: (string * Json) list) : JsonObject =
        let isCreateOfHash = version.Settings.RoomIds = RoomIdForm.HashOfCreate

        let defaults = [
            "type", text "m.room.message"
            "room_id",
            text (
                if isCreateOfHash then
                    "!" + String.replicate 43 "A"
                else
                    "!room:one"
            )
            "sender", text "@alice:one"
            "origin_server_ts", number 1
            "depth", number 1
            "content", nested []
            "prev_events", references version []
            "auth_events", references version []
            "hashes", nested [ "sha256", text "aGFzaA" ]
            "signatures", nested [ "one", nested [ "ed25519:1", text "c2ln" ] ]
            if version.Settings.EventIds = EventIdForm.Assigned then
                "event_id", text "$event:one"
        ]

        let all = object' (defaults @ more)

        // What fails its content hash is read as redacted.
        let hash = PduFormat.contentHash (EventFormat version) all

        let hashes =
            nested [ "sha256", text (UnpaddedBase64.encode (System.ReadOnlySpan<byte> hash)) ]

        object' (defaults @ more @ [ "hashes", hashes ])

    let private without (key: string) (o: JsonObject) : JsonObject =
        JsonObject.OfSeq(o.Members |> Seq.filter (fun struct (k, _) -> k <> key))

    let private received (version: RoomVersion) (event: JsonObject) =
        PduFormat.ofJson (EventFormat version) event

    let private told (version: RoomVersion) (event: JsonObject) (ok: ReceivedPdu -> string) : string =
        match received version event with
        | Ok pdu -> ok pdu
        | Error fault -> $"refused: {fault}"

    let private apart given a b =
        if a = b then None else Some(Shown.Told(given, a, b))

    let private ids (a: RoomVersion) (b: RoomVersion) =
        // The first event whose hashes the two spell differently.
        seq { 1..1000 }
        |> Seq.tryPick (fun time ->
            let made version =
                event version [ "origin_server_ts", number time ]

            apart
                $"a message of @alice:one, origin_server_ts {time}"
                (told a (made a) (fun p -> "event id " + p.EventId))
                (told b (made b) (fun p -> "event id " + p.EventId)))

    let private rooms (a: RoomVersion) (b: RoomVersion) =
        let create (version: RoomVersion) =
            let all =
                event version [
                    "type", text "m.room.create"
                    "state_key", text ""
                    "content", nested [ "creator", text "@alice:one"; "room_version", text version.Id ]
                ]

            if version.Settings.RoomIds = RoomIdForm.HashOfCreate then
                without "room_id" all
            else
                all

        let what (p: ReceivedPdu) =
            (if p.HasRoomId then
                 "its room_id: "
             else
                 "the hash of the event: ")
            + p.RoomId

        apart "the create event of @alice:one: what its room is called" (told a (create a) what) (told b (create b) what)

    let private form given (more: RoomVersion -> (string * Json) list) (a: RoomVersion) (b: RoomVersion) =
        let fate version =
            told version (event version (more version)) (fun _ -> "accepted")

        apart given (fate a) (fate b)

    let private referenced (a: RoomVersion) (b: RoomVersion) =
        let cites = [ "prev_events", references a [ "$other:one" ]; "auth_events", references a [] ]

        form
            ("an event with prev_events "
             + CanonicalJson.text (Json.Object(object' [ List.head cites ])))
            (fun _ -> cites)
            a
            b

    let private named (a: RoomVersion) (b: RoomVersion) =
        let made version = without "event_id" (event version [])

        apart
            "an event without event_id"
            (told a (made a) (fun p -> "accepted, as " + p.EventId))
            (told b (made b) (fun p -> "accepted, as " + p.EventId))

    let private deep =
        form "an event of depth 9007199254740992, which is 2^53" (fun _ -> [ "depth", Json.Int 9007199254740992L ])

    let private numbers (a: RoomVersion) (b: RoomVersion) =
        let read (version: RoomVersion) =
            let body = "{\"a\":1.5}"B

            match
                JsonReader.ParseObject(System.ReadOnlySpan<byte> body, (EventFormat version).Reading, JsonLimits.federationBody)
            with
            | Ok _ -> "read"
            | Error error -> $"refused: {error}"

        apart "{\"a\":1.5}" (read a) (read b)

    let private signers (a: RoomVersion) (b: RoomVersion) =
        let signed (p: ReceivedPdu) =
            "signatures of " + String.concat " and " p.RequiredSigners

        let made version =
            event version [ "sender", text "@carol:two" ]

        apart
            "a message of @carol:two, with an identifier of server one where it has a server"
            (told a (made a) signed)
            (told b (made b) signed)

    let private authorising (a: RoomVersion) (b: RoomVersion) =
        let signed (p: ReceivedPdu) =
            match p.AuthorisingServer with
            | "" -> "no signature of three"
            | server -> $"a signature of {server}, by the authorization rules"

        let ofJoin version =
            event version [
                "type", text "m.room.member"
                "sender", text "@carol:two"
                "state_key", text "@carol:two"
                "content",
                nested [
                    "membership", text "join"
                    "join_authorised_via_users_server", text "@alice:three"
                ]
            ]

        apart "a join of @carol:two that @alice:three authorises" (told a (ofJoin a) signed) (told b (ofJoin b) signed)

    let private redacts (a: RoomVersion) (b: RoomVersion) =
        let redaction version =
            event version [
                "type", text "m.room.redaction"
                "redacts", text "$beside:one"
                "content", nested [ "redacts", text "$inside:one" ]
            ]

        let what (p: ReceivedPdu) =
            match p.Pdu.Redacts with
            | null -> "redacts nothing"
            | id -> "redacts " + id

        apart
            "a redaction that names $beside:one beside its content and $inside:one in it"
            (told a (redaction a) what)
            (told b (redaction b) what)

    let private validity (a: RoomVersion) (b: RoomVersion) =
        let fate (version: RoomVersion) =
            match version.Settings.KeyValidity with
            | KeyValidity.NotEnforced -> "the signature counts"
            | KeyValidity.Enforced -> "the signature counts for nothing"

        apart "an event of origin_server_ts 2, signed with a key whose valid_until_ts is 1" (fate a) (fate b)

    let private applied (a: RoomVersion) (b: RoomVersion) =
        let fate (version: RoomVersion) =
            if
                version.Authorization
                |> Rule.all
                |> List.exists (fun r -> Rule.name r = "redaction")
            then
                "the redaction itself is rejected"
            else
                "the redaction is accepted, and redacts nothing"

        apart "carol, without the power to redact, redacts an event of alice, who is of another server" (fate a) (fate b)

    /// What redaction leaves of the smallest event of which it leaves another rest.
    let private redacted (row: string) (a: RoomVersion) (b: RoomVersion) =
        let first, second = Redactor a.Redaction, Redactor b.Redaction

        let shown event =
            let x, y = first.Redact event, second.Redact event

            if x.Equals y then
                None
            else
                Some(Shown.Redacted(event, x, y))

        match row with
        | "top-level" ->
            let only =
                Set.union (a.Redaction.TopLevel - b.Redaction.TopLevel) (b.Redaction.TopLevel - a.Redaction.TopLevel)

            [ for key in only -> key, text "x" ] |> object' |> shown
        | eventType ->
            let kept (version: RoomVersion) =
                Redaction.keptOf version.Redaction eventType

            let paths kept =
                match kept with
                | KeptContent.Whole -> []
                | KeptContent.Paths paths -> paths

            let rec at (path: string list) : Json =
                match path with
                | [] -> text "x"
                | key :: rest -> nested [ key, at rest ]

            let x, y = paths (kept a), paths (kept b)
            let candidates = List.except x y @ List.except y x @ [ [ "anything" ] ]

            candidates
            |> List.tryPick (fun path -> object' [ "type", text eventType; "content", at path ] |> shown)

    /// What shows a row that is not of authorization.
    let shows (a: RoomVersion) (b: RoomVersion) (id: string) : Shown option =
        let starts (prefix: string) =
            id.StartsWith(prefix, System.StringComparison.Ordinal)

        match id with
        | "ids.event" -> ids a b
        | "event.room_id" -> rooms a b
        | "event.event_id" -> named a b
        | "event.auth_events"
        | "event.prev_events"
        | "event.references" -> referenced a b
        | "event.depth"
        | "limits.depth" -> deep a b
        | "redaction.names"
        | "event.redacts" -> redacts a b
        | "policy.numbers" -> numbers a b
        | _ when starts "rooms.id" -> rooms a b
        | _ when starts "json." -> numbers a b
        | "signatures.authorising-user" -> authorising a b
        | _ when starts "signatures." -> signers a b
        | _ when starts "keys." -> validity a b
        | _ when starts "kept." -> redacted (id.Substring 5) a b
        | _ when starts "redaction.applied" -> applied a b
        | _ -> None

/// What differs between two versions, and the smallest case that shows each difference.
[<RequireQualifiedAccess>]
module Differences =

    /// How heavy a case may be that is looked at.
    let private heaviest = 9

    /// How many acts a room may have in which two algorithms of state resolution are looked for that differ.
    let private mostActs = 3

    let private named ((eventType, key): string * string) =
        if key = "" then eventType else $"{eventType} [{key}]"

    /// A room of which two servers hold different states, in words.
    let private told (fork: Forks.Fork) : string =
        let opening = List.truncate (fork.Order.Length - fork.Acts.Length) fork.Order
        let openingNames = String.concat ", " opening

        let acts =
            List.zip fork.Acts (List.skip opening.Length fork.Order)
            |> List.map (fun (act, id) -> $"; {act} ({id})")
            |> String.concat ""

        let held =
            match fork.States[1].TryFind fork.At with
            | Some id -> $"{id} as"
            | None -> "no"

        $"a room that @alice:one makes ({openingNames}){acts}. One server holds the state at the end; another, which is behind, has {held} {named fork.At}"

    /// What stands at a key of a resolved state, in words.
    let private outcome (key: string * string) (state: Map<string * string, string>) =
        match state.TryFind key with
        | Some id -> $"{named key} resolves to {id}"
        | None -> $"{named key} resolves to nothing"

    /// The smallest room, and the states that two of its servers hold, which the two versions resolve to different states.
    let private resolved (a: RoomVersion) (b: RoomVersion) : Shown option =
        Forks.difference mostActs b a.Settings.StateResolution b.Settings.StateResolution
        |> Option.bind (fun (fork, first, second) ->
            fork.States
            |> List.collect (Map.keys >> List.ofSeq)
            |> List.distinct
            |> List.tryFind (fun key -> first.TryFind key <> second.TryFind key)
            |> Option.map (fun key ->
                Shown.Resolved {
                    Fork = fork
                    Key = key
                    First = first.TryFind key
                    Second = second.TryFind key
                    Words = told fork, outcome key first, outcome key second
                }))

    /// The smallest room in which it matters how auth chains are read, of two versions of which one knows none.
    let private readAlong (a: RoomVersion) (b: RoomVersion) : Shown option =
        let stands (version: RoomVersion) (fork: Forks.Fork) right other =
            if version.Settings.StateResolution = StateResolutionAlgorithm.V1 then
                let first = Forks.resolve version.Settings.StateResolution fork
                first.TryFind fork.At, outcome fork.At first + "; auth chains are not asked"
            else
                Map.tryFind fork.At right,
                outcome fork.At right
                + $"; if auth chains were followed among events in conflict only, {outcome fork.At other}"

        Forks.beyondTheConflict a
        |> Option.orElseWith (fun () -> Forks.beyondTheConflict b)
        |> Option.map (fun (fork, right, other) ->
            let first, inFirst = stands a fork right other
            let second, inSecond = stands b fork right other

            Shown.Resolved {
                Fork = fork
                Key = fork.At
                First = first
                Second = second
                Words = told fork, inFirst, inSecond
            })

    /// Every row of these areas that means something else, with what shows it.
    let search (areas: Area list) (a: RoomVersion) (b: RoomVersion) : Witnessed list =
        let changes =
            (Difference.between areas a b).Areas
            |> List.collect _.Changes
            |> List.filter (RowChanges.isWordingOnly >> not)

        let decided = DecisionSearch.run a b changes heaviest
        let resolved = lazy (resolved a b)

        let resolving (row: Row) =
            if row.Id = "policy.resolution.auth-chains" then
                readAlong a b |> Option.orElseWith (fun () -> resolved.Value)
            else
                resolved.Value

        [
            for change in changes do
                let row = RowChanges.row change

                {
                    Change = change
                    Shown =
                        decided.TryFind row.Id
                        |> Option.orElseWith (fun () ->
                            if row.Area = Area.StateResolution || row.Id.StartsWith "policy.resolution" then
                                resolving row
                            else
                                FormatSearch.shows a b row.Id)
                }
        ]
