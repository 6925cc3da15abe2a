namespace Matrix.Properties.Generators

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json

/// Short functions that write JSON content.
[<AutoOpen>]
module JsonWriting =

    /// An object of these members.
    let object' (members: (string * Json) list) : JsonObject =
        JsonObject.OfSeq [ for key, value in members -> struct (key, value) ]

    /// An object of these members, as a value.
    let nested (members: (string * Json) list) : Json = Json.Object(object' members)

    /// A string.
    let text (s: string) : Json = Json.String s

    /// An integer.
    let number (n: int) : Json = Json.Int(int64 n)

/// An event as generators and tests write it.
type Draft = {
    Id: string
    Room: string
    Sender: string
    Type: string
    StateKey: string option
    Content: (string * Json) list
    Prev: string list
    Auth: string list
    Redacts: string option
    /// `origin_server_ts`.
    Time: int64
    Depth: int64
}

/// Turning drafts into events.
[<RequireQualifiedAccess>]
module Draft =

    /// A state event with defaults for all other fields.
    let state (sender: string) (eventType: string) (key: string) (content: (string * Json) list) : Draft = {
        Id = $"${eventType}-{key}"
        Room = "!room:one"
        Sender = sender
        Type = eventType
        StateKey = Some key
        Content = content
        Prev = [ "$last" ]
        Auth = []
        Redacts = None
        Time = 1L
        Depth = 1L
    }

    /// A message event.
    let message (sender: string) (eventType: string) (content: (string * Json) list) : Draft = {
        state sender eventType "" content with
            StateKey = None
            Id = $"${eventType}"
    }

    /// The event. It has no canonical bytes, since these tests do not read hashes and signatures.
    let toPdu (version: RoomVersion) (draft: Draft) : Pdu =
        Pdu(
            version.Id,
            draft.Id,
            draft.Room,
            draft.Sender,
            draft.Type,
            Option.toObj draft.StateKey,
            draft.Time,
            draft.Depth,
            object' draft.Content,
            Array.ofList draft.Prev,
            Array.ofList draft.Auth,
            Option.toObj draft.Redacts,
            [||]
        )

    /// The room id that belongs to a create event.
    let roomOf (version: RoomVersion) (createId: string) : string =
        match version.Settings.RoomIds with
        | RoomIdForm.WithDomain -> "!room:one"
        | RoomIdForm.HashOfCreate -> "!" + createId.Substring 1

/// A state given as a map.
type MapState(rules: AuthRules, events: Map<string * string, Pdu>) =
    let read = events |> Map.map (fun _ event -> rules.Read event)

    interface IAuthState with
        member _.Find(eventType, stateKey) =
            read |> Map.tryFind (eventType, stateKey) |> Option.toObj

/// One question to the authorization rules.
[<StructuredFormatDisplay("{Display}")>]
type AuthCase = {
    Version: RoomVersion
    Event: Pdu
    State: Map<string * string, Pdu>
    Facts: AuthFacts
} with

    /// The question as a failed property shows it.
    member this.Display: string =
        let event (e: Pdu) =
            let content =
                [ for struct (k, v) in e.Content.Members -> $"{k}: %A{v}" ]
                |> String.concat ", "

            let key =
                e.StateKey
                |> Option.ofObj
                |> Option.map (sprintf "[%s]")
                |> Option.defaultValue ""

            let prev = String.concat " " e.PrevEvents
            $"{e.EventId} in {e.RoomId}: {e.Sender} {e.Type}{key} {{ {content} }} after {prev}"

        let cited = [
            for c in this.Facts.AuthEvents -> c.Event.EventId + (if c.Rejected then " (rejected)" else "")
        ]

        [
            [ $"version {this.Version.Id}"; event this.Event ]
            [ for e in this.State.Values -> "  state " + event e ]
            [
                "  auth events: " + String.concat ", " cited
                "  signed by " + String.concat ", " this.Facts.Signers
                "  invitation signed with " + String.concat ", " this.Facts.ThirdPartyKeys
            ]
        ]
        |> List.concat
        |> String.concat "\n"

/// Decides cases.
[<RequireQualifiedAccess>]
module AuthCase =

    /// The decision of the host's evaluator.
    let decide (rules: AuthRules) (case: AuthCase) : Decision =
        rules.Decide(case.Event, MapState(rules, case.State), case.Facts)

    /// The events of the state that the event has to name in `auth_events`.
    let selected (rules: AuthRules) (event: Pdu) (state: Map<string * string, Pdu>) : Pdu list = [
        for struct (eventType, key) in rules.SelectionOf(event.Type, event.Sender, event.StateKey, event.Content) do
            match state.TryFind(eventType, key) with
            | Some cited -> cited
            | None -> ()
    ]
