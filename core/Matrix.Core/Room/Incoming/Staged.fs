namespace Matrix.Core.Room.Incoming

open System
open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.State

/// What was fetched for the sake of one received event, and for what that led to.
[<Sealed>]
type internal Effort() =
    /// Previous events.
    member val Walked = 0 with get, set
    /// Auth and state events.
    member val Chain = 0 with get, set

    /// Questions.
    member val Questions = 0 with get, set

    /// Events that cannot be decided at all, for something that they rest on was looked for everywhere.
    member val GivenUp = HashSet<string>()

    /// Events that cannot be decided in their place, for the state before them was looked for everywhere.
    member val Stateless = HashSet<string>()

    /// What was asked of whom. No peer is asked the same again: who had no answer has none a moment later, and a hostile peer could make
    /// every missing event cost as many questions as there are paths to it.
    member val Asked = HashSet<struct (string * string)>()

    /// How many events of states that they told the peers were asked for.
    member val Sought = Dictionary<string, int>()

    /// Auth events that are of another room: there is nothing to decide about them here.
    member val Foreign = Dictionary<string, Pdu>()

    /// Whether it is known already that nothing comes of an event, with or without its place in the graph.
    member this.IsHopeless(eventId: string, withState: bool) : bool =
        this.GivenUp.Contains eventId || (withState && this.Stateless.Contains eventId)

/// The state before an event as a peer told it, by identifiers.
[<Sealed>]
type internal ToldState(peer: string, ids: string[], chain: string[]) =

    /// Who told it.
    member _.Peer = peer

    /// Its events.
    member _.Ids = ids

    /// The events of its auth chain that were not looked through yet.
    member val Chain = chain with get, set

    /// Those of its events that waited or were not known when last looked at.
    member val Unknown: IReadOnlyList<string> = ids with get, set

    /// What of the state and its auth chain the peer was asked for.
    member val Fetched: HashSet<string> = HashSet<string>()

/// An event that waits to be decided.
[<Sealed>]
type internal Staged(event: ReceivedEvent, peer: string, peers: Lazy<string[]>, effort: Effort, isOutlier: bool) =

    let mutable event = event
    let copies = Queue<ReceivedEvent>()
    let mostCopies = 4

    /// The event, its signatures as far as they were checked.
    member _.Event = event

    /// Its signatures were checked again.
    member _.Recheck(signatures: CheckedSignature[]) =
        event <- { event with Signatures = signatures }

    /// Another copy came while the signatures of this one are in doubt: they are no part of its identifier.
    member _.Keep(copy: ReceivedEvent) =
        if copies.Count < mostCopies then
            copies.Enqueue copy

    /// Takes the next copy in place of one whose signatures are wrong; false if there is none.
    member this.TakeCopy() : bool =
        if copies.Count = 0 then
            false
        else
            event <- copies.Dequeue()
            // What it says of its signatures is as old as its arrival.
            this.KeysAsked.Clear()
            true

    member _.Id = event.Pdu.EventId
    member _.Pdu = event.Pdu

    /// Who gave it; "" for an event of this server's.
    member _.Peer = peer

    /// Whom to ask about it, in turn.
    member _.Peers = peers.Value

    member _.Effort = effort

    /// Whether it is wanted without the state around it.
    member val IsOutlier = isOutlier with get, set

    /// The servers whose keys were asked for.
    member val KeysAsked: HashSet<string> = HashSet<string>()

    /// The question that it waits for; -1 if it waits for none.
    member val Asked = -1 with get, set

    /// The turn of peers in the search for previous events, for the state before it, and for auth events.
    member val SeekTurn = 0 with get, set
    member val StateTurn = 0 with get, set
    member val AuthTurn = 0 with get, set

    /// Whether something was too large to be fetched.
    member val TooMuch = false with get, set

    /// The state before it as a peer told it, while it is looked through; null before and after.
    member val Told: ToldState | null = null with get, set

    /// The peer that told the state before it.
    member val ToldBy: string | null = null with get, set

    /// Whether an auth event of it is known to be of another room. Nothing is asked about those of a create event.
    member _.CitesForeign(eventId: string) : bool =
        event.Pdu.Type <> "m.room.create" && effort.Foreign.ContainsKey eventId

    /// Whether it waits until it may ask for the state before it.
    member val AwaitsTurn = false with get, set

    /// The state that a peer told, once all of it is known; null before.
    member val Trusted: StateTree | null = null with get, set

    /// The events that it waits for.
    member val Awaits = HashSet<string>()

    /// Whether it only waits for its turn.
    member val IsReady = false with get, set

    /// Its place among ready events: see `Turns`.
    member _.Turn: struct (int64 * int64 * string) =
        struct (event.Pdu.Depth, event.Pdu.OriginServerTs, event.Pdu.EventId)

/// The order in which ready events are decided: where the graph leaves it open, by depth, time and identifier.
[<RequireQualifiedAccess>]
module internal Turns =

    let order: IComparer<struct (int64 * int64 * string)> = {
        new IComparer<struct (int64 * int64 * string)> with
            member _.Compare(struct (depth, time, id), struct (otherDepth, otherTime, otherId)) =
                if depth <> otherDepth then compare depth otherDepth
                elif time <> otherTime then compare time otherTime
                else String.CompareOrdinal(id, otherId)
    }
