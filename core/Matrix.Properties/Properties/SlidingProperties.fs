namespace Matrix.Properties.Properties

open FsCheck
open FsCheck.FSharp
open Matrix.Core.Json
open Matrix.Core.State
open Matrix.Core.Sync
open Matrix.Properties

/// What sliding sync asks for: required state and ranges of lists.
module SlidingProperties =

    let private types = [ "m.room.member"; "m.room.name"; "org.example" ]
    let private keys = [ ""; "@a:x"; "@b:x"; "@c:x" ]

    let private state: Gen<StateTree> =
        List.allPairs types keys
        |> List.map (fun (eventType, key) ->
            Gen.elements [ true; false ]
            |> Gen.map (fun isThere -> if isThere then Some(eventType, key) else None))
        |> Gen.sequenceToList
        |> Gen.map (fun drawn ->
            let entries =
                drawn
                |> List.choose id
                |> List.mapi (fun i (eventType, key) -> StateEntry.Of(eventType, key, $"$e{i}", uint32 (i + 1)))

            StateTree.OfEntries(List.toArray entries, false))

    let private maybe name values =
        Gen.elements (None :: List.map Some values)
        |> Gen.map (Option.map (fun value -> struct (name, Json.String value)))

    let private element: Gen<Json> =
        Gen.map2
            (fun a b -> Json.Object(JsonObject.OfSeq(List.choose id [ a; b ])))
            (maybe "type" types)
            (maybe "state_key" keys)

    let private request: Gen<Json> =
        gen {
            let! wanted = Gen.listOf element |> Gen.resize 3
            let! unwanted = Gen.listOf element |> Gen.resize 2
            let! isLazy = Gen.elements [ true; false ]

            return
                Json.Object(
                    JsonObject.OfSeq [
                        struct ("include", Json.Array(List.toArray wanted))
                        struct ("exclude", Json.Array(List.toArray unwanted))
                        struct ("lazy_members", Json.Bool isLazy)
                    ]
                )
        }

    let private required: Gen<RequiredState> =
        Gen.listOf request
        |> Gen.resize 3
        |> Gen.map (fun requests -> RequiredState.OfText(CanonicalJson.text (Json.Array(List.toArray requests))))

    let private keyOf (e: StateEntry) = e.Type, e.StateKey

    /// Selecting state agrees with asking for each event.
    let selection =
        Property.forAll
            "sync.sliding.selection"
            "The selected entries of a state are those that are admitted one by one, each once."
            (Gen.zip required state)
            (fun (wanted, state) ->
                let selected = wanted.Select state |> Array.map keyOf |> Array.sort

                let admitted =
                    state.Entries() |> Array.filter (fun e -> wanted.Admits(e.Type, e.StateKey))

                selected = (admitted |> Array.map keyOf |> Array.sort))

    /// A union asks for what either asks for.
    let union =
        Property.forAll
            "sync.sliding.union"
            "A union admits what one of its parts admits, does not depend on their order, and outlives being written."
            (Gen.zip required required)
            (fun (first, second) ->
                let both = RequiredState.Union(first, second)

                both.Text = RequiredState.Union(second, first).Text
                && RequiredState.OfText(both.Text).Text = both.Text
                && both.LazyMembers = (first.LazyMembers || second.LazyMembers)
                && List.allPairs types keys
                   |> List.forall (fun (eventType, key) ->
                       both.Admits(eventType, key) = (first.Admits(eventType, key) || second.Admits(eventType, key))))

    /// Ranges are joined.
    let ranges =
        Property.forAll
            "sync.sliding.ranges"
            "The ranges of a list have the same indexes as those that were sent, in order, without touching."
            (Gen.listOf (Gen.zip (Gen.choose (0, 20)) (Gen.choose (0, 5))) |> Gen.resize 6)
            (fun drawn ->
                let pair (first, more) =
                    Json.Array [| Json.Int(int64 first); Json.Int(int64 (first + more)) |]

                let inner name value =
                    Json.Object(JsonObject.OfSeq [ struct (name, value) ])

                let list =
                    JsonObject.OfSeq [
                        struct ("timeline_limit", Json.Int 1L)
                        struct ("ranges", Json.Array(drawn |> List.map pair |> List.toArray))
                    ]

                let body = JsonObject.OfSeq [ struct ("lists", inner "a" (Json.Object list)) ]

                match SlidingBody.ParseUnstable(body, "@a:x", SlidingLimits(9, 9), [||]).Body with
                | null -> false
                | read ->
                    let joined =
                        read.Lists[0].Ranges |> Seq.map (fun (struct (a, b)) -> a, b) |> Seq.toList

                    let indexes pairs =
                        pairs |> List.collect (fun (a, b) -> [ a..b ]) |> List.distinct |> List.sort

                    indexes joined = indexes (drawn |> List.map (fun (first, more) -> first, first + more))
                    && joined
                       |> List.pairwise
                       |> List.forall (fun ((_, last), (first, _)) -> first > last + 1))

    /// All of these.
    let all = [ selection; union; ranges ]
