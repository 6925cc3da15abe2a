namespace Matrix.Proofs.Universe

open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Rules

/// Makes a solver's case smaller without a solver: what can be left out, so that it still shows the same, is left out.
[<RequireQualifiedAccess>]
module Shrinking =

    let rec private size (json: Json) : int =
        match json with
        | Json.Object o -> o.Members |> Seq.sumBy (fun struct (_, value) -> 1 + size value)
        | _ -> 0

    /// The object without one of its members, at any depth, or with half of a list, and how many members are gone.
    let rec private without (o: JsonObject) : (JsonObject * int) list =
        let members = [ for struct (key, value) in o.Members -> key, value ]

        [
            for i, (_, value) in List.indexed members do
                object' (List.removeAt i members), 1 + size value

            for i, (key, value) in List.indexed members do
                match value with
                | Json.Object inner ->
                    for smaller, removed in without inner do
                        object' (List.updateAt i (key, Json.Object smaller) members), removed
                | Json.Array items when items.Length > 0 ->
                    // Items have no weight.
                    let half = items.Length / 2

                    for fewer in List.distinct [ items[.. half - 1]; items[half..] ] do
                        if fewer.Length < items.Length then
                            object' (List.updateAt i (key, Json.Array fewer) members), 0
                | _ -> ()
        ]

    let private withContent (version: RoomVersion) (event: Pdu) (content: JsonObject) : Pdu =
        Draft.toPdu version {
            Id = event.EventId
            Room = event.RoomId
            Sender = event.Sender
            Type = event.Type
            StateKey = Option.ofObj event.StateKey
            Content = [ for struct (key, value) in content.Members -> key, value ]
            Prev = List.ofArray event.PrevEvents
            Auth = List.ofArray event.AuthEvents
            Redacts = Option.ofObj event.Redacts
            Time = event.OriginServerTs
            Depth = event.Depth
        }

    /// The same case without one thing, and how much lighter it is at least.
    let private candidates (case: AuthCase) : (AuthCase * int) seq =
        seq {
            for KeyValue(place, event) in case.State do
                {
                    case with
                        State = case.State.Remove place
                },
                1 + size (Json.Object event.Content)

            for i in 0 .. case.Facts.AuthEvents.Length - 1 do
                {
                    case with
                        Facts.AuthEvents = Array.removeAt i case.Facts.AuthEvents
                },
                1

            if case.Facts.Signers.Length > 0 then
                { case with Facts.Signers = [||] }, 0

            if case.Facts.ThirdPartyKeys.Length > 0 then
                {
                    case with
                        Facts.ThirdPartyKeys = [||]
                },
                0

            for content, removed in without case.Event.Content do
                {
                    case with
                        Event = withContent case.Version case.Event content
                },
                removed

            for KeyValue(place, event) in case.State do
                for content, removed in without event.Content do
                    let smaller = withContent case.Version event content

                    {
                        case with
                            State = case.State.Add(place, smaller)
                            Facts.AuthEvents =
                                case.Facts.AuthEvents
                                |> Array.map (fun cited ->
                                    if cited.Event.EventId = event.EventId then
                                        { cited with Event = smaller }
                                    else
                                        cited)
                    },
                    removed
        }

    /// The smallest case that is reached in this way. Its weight is an upper bound.
    let rec smallest (shows: FoundCase -> bool) (found: FoundCase) : FoundCase =
        candidates found.Case
        |> Seq.map (fun (case, removed) -> {
            found with
                Case = case
                Weight = max 0I (found.Weight - bigint removed)
        })
        |> Seq.tryFind shows
        |> function
            | Some smaller -> smallest shows smaller
            | None -> found
