namespace Matrix.Core.StateRes

open System
open Matrix.Core.Auth
open Matrix.Core.Event

/// The facts about a received event with valid signatures, for a check against some state.
[<RequireQualifiedAccess>]
module internal KnownFacts =

    /// The facts of an event with these auth events. Its signatures were valid on receipt, or it would be in no state.
    let ofReceived (pdu: Pdu) (cited: GivenAuthEvent[]) : AuthFacts =
        let signers =
            match Content.text pdu.Content "join_authorised_via_users_server" with
            | null -> [||]
            | user ->
                match user.IndexOf ':' with
                | -1 -> [||]
                | colon -> [| user.Substring(colon + 1) |]

        let keys =
            if pdu.Type = EventTypes.Member then
                cited
                |> Array.collect (fun c ->
                    if c.Event.Type = EventTypes.ThirdPartyInvite then
                        ThirdPartyKeys.all c.Event
                    else
                        [||])
            else
                [||]

        {
            AuthEvents = cited
            Signers = signers
            ThirdPartyKeys = keys
            HasRoomId = false
        }

/// A check of one event against a state, by the authorization rules.
[<RequireQualifiedAccess>]
module internal AuthCheck =

    /// An event's auth events as a state, with the room's create event where events do not name it in `auth_events`.
    let citedState (graph: AuthGraph) (create: AuthEvent | null) (n: int) : IAuthState = {
        new IAuthState with
            member _.Find(eventType, stateKey) =
                let cited = graph.AuthEvents n
                let mutable found: AuthEvent | null = null
                let mutable i = 0

                while isNull found && i < cited.Length do
                    let event = graph.Event cited[i]

                    if
                        // v1.19 rooms/v2#rejected-events, v1.19 rooms/v12#rejected-events
                        not (graph.IsRejected cited[i])
                        && String.Equals(event.Pdu.Type, eventType)
                        && String.Equals(event.Pdu.StateKey, stateKey)
                    then
                        found <- event

                    i <- i + 1

                if isNull found && eventType = EventTypes.Create then
                    create
                else
                    found
    }

    /// The decision of the rules on an event in a state.
    let decide (rules: AuthRules) (graph: AuthGraph) (state: IAuthState) (n: int) : Decision =
        let pdu = (graph.Event n).Pdu

        let cited =
            graph.AuthEvents n
            |> Array.map (fun m -> {
                Event = (graph.Event m).Pdu
                Rejected = graph.IsRejected m
            })

        rules.Decide(pdu, state, KnownFacts.ofReceived pdu cited)
