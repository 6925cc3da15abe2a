namespace Matrix.Properties.Simulation

open System
open System.Text
open Matrix.Core.Json

/// Plans as JSON files, so that a run can be replayed anywhere.
[<RequireQualifiedAccess>]
module PlanText =

    /// An error in a file: the path, and what was expected there.
    type Fault = { Place: string; Expected: string }

    let private kinds: (string * ActionKind) list = [
        "message", ActionKind.Message
        "topic", ActionKind.Topic
        "join", ActionKind.Join
        "leave", ActionKind.Leave
        "invite", ActionKind.Invite
        "kick", ActionKind.Kick
        "ban", ActionKind.Ban
        "knock", ActionKind.Knock
        "power", ActionKind.Power
        "join_rule", ActionKind.JoinRule
        "vouched_join", ActionKind.RestrictedJoin
    ]

    let private lies: (string * Lie) list = [
        "forge", Lie.Forge
        "stale", Lie.Stale
        "equivocate", Lie.Equivocate
        "forbidden", Lie.Forbidden
        "cite_forbidden", Lie.CiteForbidden
        "hide", Lie.Hide
        "cite_hidden", Lie.CiteHidden
        "insert", Lie.Insert
        "extreme", Lie.Extreme
    ]

    let private nameIn names value =
        names |> List.find (fun (_, v) -> v = value) |> fst

    let private object' (members: (string * Json) list) : Json =
        Json.Object(JsonObject.OfSeq [ for key, value in members -> struct (key, value) ])

    let private number (n: int) = Json.Int(int64 n)

    let private operation (op: Operation) : Json =
        object' [
            "at", number op.At
            "server", number op.Server
            match op.Action with
            | Action.Honest kind -> "act", Json.String(nameIn kinds kind)
            | Action.Lying(lie, kind) ->
                "act", Json.String(nameIn kinds kind)
                "lie", Json.String(nameIn lies lie)
            "actor", number op.Actor
            "target", number op.Target
            "level", number op.Level
        ]

    let private trouble (trouble: Trouble) : Json =
        match trouble with
        | Trouble.Partition(from, until, side) ->
            object' [
                "trouble", Json.String "partition"
                "from", number from
                "until", number until
                "side", number side
            ]
        | Trouble.Crash(server, at, until) ->
            object' [
                "trouble", Json.String "crash"
                "server", number server
                "from", number at
                "until", number until
            ]
        | Trouble.FailedFlush(server, at, keeps) ->
            object' [
                "trouble", Json.String "failed_flush"
                "server", number server
                "from", number at
                "keeps", number keeps
            ]
        | Trouble.Eviction(server, at) ->
            object' [
                "trouble", Json.String "eviction"
                "server", number server
                "from", number at
            ]
        | Trouble.Backfill(server, at, peer) ->
            object' [
                "trouble", Json.String "backfill"
                "server", number server
                "from", number at
                "peer", number peer
            ]

    let private members (plan: Plan) : (string * Json) list = [
        "room_version", Json.String plan.Version
        "servers", number plan.Servers
        "byzantine_server", number plan.ByzantineServer
        "gives_false_states", Json.Bool plan.GivesFalseStates
        "seed", Json.String(plan.Seed.ToString "x16")
        "walk", number plan.Walk
        "owed", number plan.MaxPending
        "delay_from", number plan.Noise.DelayFrom
        "delay_to", number plan.Noise.DelayTo
        "late_per_mille", number plan.Noise.LatePerMille
        "loss_per_mille", number plan.Noise.LossPerMille
        "duplicate_per_mille", number plan.Noise.DuplicatePerMille
        "read_to", number plan.Noise.ReadTo
    ]

    let private line (json: Json) : string =
        use out = new ByteBuffer()
        CanonicalJson.write out json
        Encoding.UTF8.GetString out.Written

    /// The text: a line for each operation and trouble, so that people can read and edit it.
    let write (plan: Plan) : string =
        let head =
            members plan |> List.map (fun (key, value) -> $"  \"{key}\": {line value}")

        let list name items =
            $"  \"{name}\": [\n"
            + String.Join(",\n", items |> List.map (fun item -> "    " + line item))
            + "\n  ]"

        let parts =
            head
            @ [
                list "troubles" (plan.Troubles |> List.map trouble)
                list "operations" (plan.Operations |> List.map operation)
            ]

        "{\n" + String.Join(",\n", parts) + "\n}\n"

    exception private Misread of Fault

    let private fail place expected =
        raise (Misread { Place = place; Expected = expected })

    let private find (place: string) (o: JsonObject) (key: string) : Json =
        match o.TryFind key with
        | ValueSome value -> value
        | ValueNone -> fail $"{place}.{key}" "a value"

    let private int' place (o: JsonObject) key (least: int) (most: int) : int =
        match find place o key with
        | Json.Int n when n >= int64 least && n <= int64 most -> int n
        | _ -> fail $"{place}.{key}" $"an integer from {least} to {most}"

    let private text place (o: JsonObject) key : string =
        match find place o key with
        | Json.String s -> s
        | _ -> fail $"{place}.{key}" "a string"

    let private word place (o: JsonObject) key (names: (string * 'a) list) : 'a =
        let given = text place o key

        match names |> List.tryFind (fun (name, _) -> name = given) with
        | Some(_, value) -> value
        | None -> fail $"{place}.{key}" ("one of " + String.Join(", ", List.map fst names))

    let private items place (o: JsonObject) key : (string * JsonObject) list =
        match find place o key with
        | Json.Array all ->
            all
            |> List.ofArray
            |> List.mapi (fun i item ->
                match item with
                | Json.Object inner -> $"{place}.{key}[{i}]", inner
                | _ -> fail $"{place}.{key}[{i}]" "an object")
        | _ -> fail $"{place}.{key}" "a list"

    // Times are added: their sum must fit in an integer.
    let private most = 1_000_000_000

    let private readOperation (place: string, o: JsonObject) : Operation =
        let kind = word place o "act" kinds

        {
            At = int' place o "at" 0 most
            Server = int' place o "server" 0 63
            Action =
                if o.Has "lie" then
                    Action.Lying(word place o "lie" lies, kind)
                else
                    Action.Honest kind
            Actor = int' place o "actor" 0 most
            Target = int' place o "target" 0 most
            Level = int' place o "level" 0 most
        }

    let private readTrouble (place: string, o: JsonObject) : Trouble =
        match text place o "trouble" with
        | "partition" ->
            Trouble.Partition(int' place o "from" 0 most, int' place o "until" 0 most, int' place o "side" 0 most)
        | "crash" -> Trouble.Crash(int' place o "server" 0 63, int' place o "from" 0 most, int' place o "until" 0 most)
        | "failed_flush" ->
            Trouble.FailedFlush(int' place o "server" 0 63, int' place o "from" 0 most, int' place o "keeps" 0 most)
        | "eviction" -> Trouble.Eviction(int' place o "server" 0 63, int' place o "from" 0 most)
        | "backfill" ->
            Trouble.Backfill(int' place o "server" 0 63, int' place o "from" 0 most, int' place o "peer" 0 63)
        | _ -> fail $"{place}.trouble" "partition, crash, failed_flush, eviction or backfill"

    let private readPlan (o: JsonObject) : Plan =
        let place = "$"

        let version =
            match text place o "room_version" with
            | version when (Matrix.Rules.Versions.tryFindUnstable version).IsSome -> version
            | _ -> fail "$.room_version" "a known room version"

        let servers = int' place o "servers" 1 30
        let fastest = int' place o "delay_from" 0 1_000_000

        {
            Version = version
            Servers = servers
            ByzantineServer = int' place o "byzantine_server" -1 (servers - 1)
            GivesFalseStates = (find place o "gives_false_states" = Json.Bool true)
            Seed =
                match UInt64.TryParse(text place o "seed", Globalization.NumberStyles.HexNumber, null) with
                | true, seed -> seed
                | _ -> fail "$.seed" "a number in hexadecimal"
            Noise = {
                DelayFrom = fastest
                DelayTo = int' place o "delay_to" fastest 1_000_000
                LatePerMille = int' place o "late_per_mille" 0 1000
                LossPerMille = int' place o "loss_per_mille" 0 1000
                DuplicatePerMille = int' place o "duplicate_per_mille" 0 1000
                // Plans of older versions have none.
                ReadTo =
                    if o.Has "read_to" then
                        int' place o "read_to" 0 1_000_000
                    else
                        0
            }
            Walk = int' place o "walk" 0 1_000_000
            MaxPending =
                if o.Has "owed" then
                    int' place o "owed" 1 Plan.unbounded
                else
                    Plan.unbounded
            Operations = items place o "operations" |> List.map readOperation
            Troubles = items place o "troubles" |> List.map readTrouble
        }

    /// The plan of a text.
    let read (utf8: byte[]) : Result<Plan, Fault> =
        match JsonReader.Parse(ReadOnlySpan<byte> utf8, Reading.Strict, JsonLimits.federationBody) with
        | Ok(Json.Object o) ->
            try
                Ok(readPlan o)
            with Misread fault ->
                Error fault
        | Ok _ -> Error { Place = "$"; Expected = "an object" }
        | Error error ->
            Error {
                Place = $"byte {error.Offset}"
                Expected = "JSON"
            }
