namespace Matrix.Cli.Rules.Site

open Giraffe.ViewEngine
open Matrix.Core.Event
open Matrix.Properties.SmallWorlds
open Matrix.Rules

/// A picture of a room with two servers' states: its events, the oldest on top, and the result of each version's
/// resolution.
[<RequireQualifiedAccess>]
module internal RoomPicture =

    let private left = 14
    let private boxWidth = 196
    let private rowHeight = 42
    let private boxHeight = 34

    let private heading (event: Pdu) : string =
        match event.Content.Text "membership" with
        | null -> event.Type.Replace("m.room.", "")
        | membership -> $"{event.StateKey}: {membership}"

    /// An event, joined to the one before it, and marked if a server's state has it at a differing key.
    let private node (fork: Forks.Fork) (i: int) (id: string) : XmlNode list =
        let event = fork.Graph.Events[id]
        let y = 4 + rowHeight * i

        let held =
            [ "the one server"; "the other, behind" ]
            |> List.zip fork.States
            |> List.filter (fun (state, _) -> fork.Behind |> List.exists (fun (key, _) -> state.TryFind key = Some id))
            |> List.map snd

        [
            if i > 0 then
                Svg.path "prev" $"M{left + 24} {y}V{y - (rowHeight - boxHeight)}"

            tag "g" [] [
                title [] [ str $"{id}: {event.Sender} sent {event.Type}" ]
                Svg.box (if held.IsEmpty then "event" else "event asked") left y boxWidth boxHeight
                Svg.text "name" (left + 8) (y + 14) id
                Svg.text "detail" (left + 8) (y + 28) (Svg.cut 28 (heading event))
            ]

            for n, who in List.indexed held do
                Svg.text "small" (left + boxWidth + 10) (y + 14 + 14 * n) $"← {who}"
        ]

    /// Draws the room and the two outcomes. `id` is unique on the page.
    let draw (id: string) (a: RoomVersion) (b: RoomVersion) (apart: ResolvedApart) : XmlNode =
        let fork = apart.Fork
        let below = 4 + rowHeight * fork.Order.Length

        let stands (x: int) (version: RoomVersion) (event: string option) : XmlNode list =
            let what = Option.defaultValue "nothing" event

            [
                Svg.box "event verdict" x below 166 34
                Svg.text "words" (x + 8) (below + 22) $"{Pieces.shortName version} keeps {what}"
            ]

        let given, first, second = apart.Words

        [
            yield! fork.Order |> List.mapi (node fork) |> List.concat

            if fork.Behind |> List.exists (snd >> Option.isNone) then
                Svg.text "small" (left + boxWidth + 10) 18 "the other has none"

            yield! stands left a apart.First
            yield! stands (left + 176) b apart.Second
        ]
        |> Svg.picture
            id
            (below + 40)
            "The smallest room that shows it"
            $"Given {given}: {a.Id}: {first}; {b.Id}: {second}."
