namespace Matrix.Cli.Rules.Site

open Giraffe.ViewEngine
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds
open Matrix.Cli.Output

/// A picture of a decision: the state's events, the event to decide, its auth events and previous events, and the
/// verdicts.
[<RequireQualifiedAccess>]
module internal CasePicture =

    /// An event of the state, or an auth event outside it.
    type private Node = {
        Event: Pdu
        /// How often each version's event names it in `auth_events`.
        First: int
        Second: int
        Notes: string list
    }

    let private boxWidth = 152
    let private left = 18
    let private right = 202
    let private trunk = 186
    let private rowHeight = 50

    let private nodes (apart: DecidedApart) : Node list =
        let times (case: AuthCase) (id: string) =
            case.Facts.AuthEvents
            |> Array.filter (fun c -> c.Event.EventId = id)
            |> _.Length

        let rejected (id: string) =
            apart.Second.Facts.AuthEvents
            |> Array.exists (fun c -> c.Event.EventId = id && c.Rejected)

        let inState = Cases.state apart.Second
        let known = inState |> List.map _.EventId |> set

        let others =
            [ apart.Second; apart.First ]
            |> List.collect (fun case -> [ for c in case.Facts.AuthEvents -> c.Event ] @ Cases.state case)
            |> List.distinctBy _.EventId
            |> List.filter (fun event -> not (known.Contains event.EventId))

        [
            for event in inState @ others do
                let first, second =
                    times apart.First event.EventId, times apart.Second event.EventId

                {
                    Event = event
                    First = first
                    Second = second
                    Notes = [
                        if rejected event.EventId then
                            "rejected"
                        if max first second > 1 then
                            "named twice"
                        if (first > 0) <> (second > 0) then
                            (if first > 0 then "only in first" else "only in second")
                        if not (known.Contains event.EventId) then
                            (if event.RoomId = apart.Second.Event.RoomId then
                                 "not in the state"
                             else
                                 "of another room")
                    ]
                }
        ]

    let private heading (event: Pdu) : string =
        match event.Type, event.StateKey with
        | "m.room.member", NonNull user -> user + ": " + string (Option.ofObj (event.Content.Text "membership"))
        | eventType, _ -> eventType

    let private labelled (event: Pdu) : string * string =
        let content (without: string list) =
            let kept =
                event.Content.Members
                |> Seq.filter (fun struct (key, _) -> not (List.contains key without))
                |> JsonObject.OfSeq

            if kept.Count = 0 then
                "of " + event.Sender
            else
                CanonicalJson.text (Json.Object kept)

        match event.Type, event.StateKey, event.Content.Text "membership" with
        | "m.room.member", NonNull user, NonNull membership -> user, membership
        | "m.room.create", _, _ ->
            event.Type,
            content (
                if event.Content.Text "creator" = event.Sender then
                    [ "room_version"; "creator" ]
                else
                    [ "room_version" ]
            )
        | _ -> event.Type, content []

    let private node (firstId: string) (secondId: string) (i: int) (n: Node) : XmlNode list =
        let isLeft = i % 2 = 0
        let x = if isLeft then left else right
        let y = 4 + rowHeight * (i / 2)
        let middle = y + 20
        let name, detail = labelled n.Event

        let notes =
            n.Notes
            |> List.map (fun note -> note.Replace("in first", "in " + firstId).Replace("in second", "in " + secondId))

        let style =
            if List.contains "rejected" n.Notes then
                "event bad"
            else
                "event"

        [
            tag "g" [] [
                title [] [
                    str (n.Event.EventId + ": " + n.Event.Sender + " sent " + Cases.told n.Event)
                ]
                Svg.box style x y boxWidth 40
                Svg.text
                    "name"
                    (x + 7)
                    (y + 16)
                    (Svg.cut
                        19
                        (if name.Length > 19 then
                             name.Replace("m.room.", "")
                         else
                             name))
                Svg.text
                    "detail"
                    (x + 7)
                    (y + 31)
                    (Svg.cut 21 (if notes.IsEmpty then detail else String.concat ", " notes))
            ]

            if n.First > 0 || n.Second > 0 then
                let style = if n.First > 0 && n.Second > 0 then "auth" else "auth one"

                let tipX, direction = if isLeft then left + boxWidth, -1 else right, 1
                Svg.path style $"M{trunk} {middle}H{tipX - 5 * direction}"
                Svg.tip "tip" direction tipX middle
        ]

    let private verdict (x: int) (y: int) (version: RoomVersion) (decision: Decision) : XmlNode list =
        let style, words =
            if decision.IsOk then
                "good", "✓ accepted"
            else
                "bad", "✗ rejected"

        [
            Svg.path "auth" $"M{x + 80} {y - 10}V{y}"
            Svg.box ("verdict " + style) x y 160 28
            Svg.text
                ("words "
                 + style
                 + (if (Pieces.shortName version).Length > 6 then
                        " long"
                    else
                        ""))
                (x + 8)
                (y + 19)
                (Pieces.shortName version + ": " + words)
        ]

    /// Draws the case in the second version. `id` is unique on the page.
    let draw (id: string) (a: RoomVersion) (b: RoomVersion) (apart: DecidedApart) : XmlNode =
        let nodes = nodes apart
        let event = apart.Second.Event
        let rows = (nodes.Length + 1) / 2
        let below = 4 + rowHeight * rows

        let createAt =
            nodes
            |> List.tryFindIndex (fun n -> Array.contains n.Event.EventId event.PrevEvents)

        let hasEarlier = createAt.IsNone && event.PrevEvents.Length > 0

        let top =
            if hasEarlier then
                below + 34
            else
                below + (if rows > 0 then 6 else 0)

        let earlier =
            match createAt with
            | Some i ->
                let y = 24 + rowHeight * (i / 2)

                [
                    Svg.path "prev" $"M{left} {top + 24}H8V{y}H{left - 5}"
                    Svg.tip "tip" 1 left y
                ]
            | None when hasEarlier -> [
                Svg.box "event earlier" left below 110 22
                Svg.text "detail" (left + 8) (below + 15) "earlier events"
                Svg.path "prev" $"M{left} {top + 24}H8V{below + 11}H{left - 5}"
                Svg.tip "tip" 1 left (below + 11)
              ]
            | None -> []

        let cited =
            nodes
            |> List.indexed
            |> List.filter (fun (_, n) -> n.First > 0 || n.Second > 0)
            |> List.map (fun (i, _) -> 24 + rowHeight * (i / 2))

        let stem =
            match cited with
            | [] -> []
            | some -> [ Svg.path "auth" $"M{trunk} {top}V{List.min some}" ]

        let key =
            match event.StateKey with
            | null -> ""
            | "" -> " []"
            | key -> " [" + key + "]"

        let description =
            event.Sender
            + " sends "
            + Cases.told event
            + ". "
            + a.Id
            + " "
            + Cases.verb apart.FirstDecision
            + " it, "
            + b.Id
            + " "
            + Cases.verb apart.SecondDecision
            + " it. Its auth events: "
            + (match nodes |> List.filter (fun n -> n.Second > 0) with
               | [] -> "none"
               | some -> some |> List.map (fun n -> heading n.Event) |> String.concat ", ")
            + "."

        [
            yield! stem
            yield! earlier
            yield!
                nodes
                |> List.mapi (node (Pieces.shortName a) (Pieces.shortName b))
                |> List.concat

            tag "g" [] [
                title [] [ str (event.EventId + ": " + event.Sender + " sends " + Cases.told event) ]
                Svg.box "event asked" left top 336 48
                Svg.text "name" (left + 9) (top + 19) (Svg.cut 50 (event.Sender + " sends " + event.Type))
                Svg.text
                    "detail"
                    (left + 9)
                    (top + 37)
                    (Svg.cut 50 ((key + " " + CanonicalJson.text (Json.Object event.Content)).TrimStart()))
            ]

            yield! verdict left (top + 58) a apart.FirstDecision
            yield! verdict (left + 176) (top + 58) b apart.SecondDecision
        ]
        |> Svg.picture id (top + 90) ("The smallest case: " + Cases.words apart) description
