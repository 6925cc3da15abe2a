namespace Matrix.Core.Room.Incoming.Staging

open System.Collections.Generic
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol

/// The purpose of a request.
[<RequireQualifiedAccess>]
type internal Purpose =
    | Keys
    /// The event itself, whose content hash was wrong.
    | Whole
    /// Previous events.
    | Previous
    /// The state before an event.
    | State
    /// The events of that state.
    | StateEvents
    | AuthEvents

/// The requests without a response. An event has one at a time.
[<Sealed>]
type internal OutstandingRequests(log: UndoLog, staged: UndoableMap<string, Staged>) =

    let requests =
        UndoableMap<int, struct (PeerRequest * Purpose)>(log, SortedDictionary())

    let made = UndoableQueue<PeerRequest>(log)
    let next = Undoable(log, 0)

    /// Makes a request for an event.
    member _.Make(s: Staged, peer: string, purpose: Purpose, request: Request) : unit =
        let number = next.Value

        let new' = {
            Number = number
            Peer = peer
            Request = request
            For = s.Id
            IsOfState = (purpose = Purpose.StateEvents)
        }

        next.Value <- number + 1
        requests.Set(number, struct (new', purpose))
        made.Enqueue new'
        s.RequestNumber <- number

    /// The purpose of an event's request; none if it has none.
    member _.PurposeOf(s: Staged) : Purpose voption =
        match requests.TryFind s.RequestNumber with
        | ValueSome(struct (_, purpose)) -> ValueSome purpose
        | ValueNone -> ValueNone

    /// Withdraws an event's request, if it has one.
    member _.Withdraw(s: Staged) : unit =
        if s.RequestNumber >= 0 then
            requests.Remove s.RequestNumber |> ignore
            s.RequestNumber <- -1

    /// The requests, oldest first.
    member _.All: PeerRequest[] = [| for struct (request, _) in requests.Values -> request |]

    /// Whether there is none.
    member _.IsEmpty = requests.Count = 0

    /// The request with this number; none if there is none.
    member _.Find(number: int) : struct (PeerRequest * Purpose) voption = requests.TryFind number

    /// Removes a request whose response has come.
    member _.Responded(number: int) : struct (PeerRequest * Purpose * Staged) voption =
        match requests.TryFind number with
        | ValueSome(struct (request, purpose)) ->
            requests.Remove number |> ignore

            match staged.TryFind request.For with
            | ValueSome s ->
                s.RequestNumber <- -1
                ValueSome(struct (request, purpose, s))
            | ValueNone -> ValueNone
        | ValueNone -> ValueNone

    /// The requests made since the last call, without those that were withdrawn meanwhile.
    member _.TakeMade() : PeerRequest[] =
        made.TakeAll()
        |> Array.filter (fun request -> requests.ContainsKey request.Number)
