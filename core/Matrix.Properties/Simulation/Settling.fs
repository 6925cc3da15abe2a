namespace Matrix.Properties.Simulation

open Matrix.Core.Auth
open Matrix.Core.Room
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.State

/// The end of a run: each honest server sends events, and servers that accept each other's events have to agree on the
/// state. `run` delivers all pending messages.
[<Sealed>]
type internal Settling(room: SimulatedRoom, nodes: Node[], honest: int[], checker: Checker, run: unit -> unit) =

    /// A joined user of the server joins again, which needs no power. Returns the event's id, or none if nobody could.
    let say (n: int) : string option =
        let node = nodes[n]
        let eventBase = node.EventBase

        let isJoined user =
            match (eventBase.Read eventBase.State).Find("m.room.member", user) with
            | null -> false
            | event -> event.Membership.IsJoin

        match room.UsersOf n |> Array.tryFind isJoined with
        | None -> None
        | Some user ->
            let before = node.Store.Ids.Count

            if node.Try(Composing.draft room eventBase user user (1000 + before) ActionKind.Join) then
                Some node.Store.Ids[before]
            else
                None

    let isAcceptedBy n (id: string) =
        match nodes[n].Store.Find id with
        | null -> false
        | known -> known.Status = EventStatus.Accepted

    /// Sends a draft of a user who has the power for it.
    let write (n: int) (draft: Draft) =
        // A resolution that runs outside of the call, or a branch that came meanwhile, takes a second try.
        let isSent =
            Seq.init 3 (fun _ ->
                run ()
                nodes[n].Try draft)
            |> Seq.exists id

        run ()

        if not isSent then
            let why = $"{draft.Type} of {draft.Sender} was refused"
            checker.Fail(Violation.Unwritable(room.Servers[n], why))

    /// Each joined user of a server sends a message and changes the state, if their power is enough, and leaves. Nobody
    /// changes the state where the server rejected the power levels: no event may name them, and without them nobody
    /// but the room's creator has power.
    member _.Write(n: int) : unit =
        let node = nodes[n]
        let eventBase = node.EventBase
        let state = eventBase.Read eventBase.State

        for user in room.UsersOf n do
            match state.Find("m.room.member", user), state.Find("m.room.power_levels", "") with
            | NonNull(member': AuthEvent), NonNull(levels: AuthEvent) when member'.Membership.IsJoin ->
                let power = room.Rules.PowerOf(state, user)

                let attempt kind eventType isState =
                    if power >= levels.Levels.Required(eventType, isState) then
                        write n (Composing.draft room eventBase user user 1 kind)

                attempt ActionKind.Message "m.room.message" false

                if not (eventBase.IsRejected levels.Pdu.EventId) then
                    attempt ActionKind.Topic "m.room.topic" true

                write n (Composing.draft room eventBase user user 1 ActionKind.Leave)
            | _ -> ()

    /// One event from each server, one after the other: server and event id.
    member _.Round() : (int * string) list = [
        for n in honest do
            let event = say n
            run ()

            match event with
            | Some id -> n, id
            | None -> ()
    ]

    /// Groups of servers that accept exactly each other's events; none while events are pending. Usually there is one
    /// group. The specification allows several: soft-failed events are not built upon, so two servers can diverge for
    /// ever.
    member _.Groups(said: (int * string) list) : int list list option =
        let takes n other =
            said |> List.exists (fun (m, id) -> m = other && isAcceptedBy n id)

        let speakers = List.map fst said

        let groupOf n =
            speakers |> List.filter (fun m -> takes n m && takes m n)

        let all = speakers |> List.map groupOf |> List.distinct

        let isClear (group: int list) =
            group |> List.forall (fun n -> groupOf n = group)
            && (group.Length = 1
                || speakers
                   |> List.except group
                   |> List.forall (fun other -> not (group |> List.exists (fun n -> takes n other))))

        if List.forall isClear all then Some all else None

    /// Compares the current states inside groups. Returns the number of servers compared, and of those outside the
    /// largest group.
    member _.Compare(groups: int list list) : int * int =
        let misled = checker.Misled |> List.map fst |> set

        for group in groups do
            match group |> List.filter (fun n -> not (misled.Contains n)) with
            | first :: rest ->
                for n in rest do
                    if not (StateTree.AreSame(nodes[first].Current, nodes[n].Current)) then
                        checker.Fail(Violation.CurrentStatesDiffer(room.Servers[first], room.Servers[n]))
            | [] -> ()

        let largest = groups |> List.map List.length |> List.fold max 0
        let all = groups |> List.sumBy List.length

        let compared =
            groups
            |> List.map (List.filter (fun n -> not (misled.Contains n)))
            |> List.filter (fun group -> group.Length > 1)
            |> List.sumBy List.length

        compared, all - largest
