namespace Matrix.Properties.Simulation

open Matrix.Core.Event
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Graph
open Matrix.Core.Room.Incoming.Deciding

/// What a server sees of the simulation.
type IWorld =
    /// Milliseconds since the start.
    abstract Now: int
    abstract Send: from: int * dest: int * message: Message -> unit
    abstract After: delay: int * what: (unit -> unit) -> unit
    /// A server decided an event; called before its view of the room takes the decision.
    abstract Deciding: server: int * view: Store * decided: DecidedEvent -> unit
    /// A server took decisions back; called once its view of the room has none of them.
    abstract TakenBack: server: int * view: Store * machine: RoomMachine -> unit
    /// A server evicted its machine.
    abstract Evicted: server: int * view: Store * machine: RoomMachine -> unit
    /// A server refused an event of its own that was built on what it prepared.
    abstract Refused: server: int * refusal: AdoptionRefusal -> unit
    /// A server could not write an event of its own user.
    abstract Unwritable: server: int * fault: PduFault -> unit
    /// A server tells its machine these events as history, which now waits for no others.
    abstract TellingHistory: server: int * history: Pdu list -> unit
    /// A server dropped an event.
    abstract Dropping: server: int * eventId: string * reason: DropReason -> unit
    /// A server remembers an event that lacks others which no peer had.
    abstract Remembering: server: int * reason: DropReason -> unit
    /// A server gives up an event of which it has a copy.
    abstract GivingUp: server: int * view: Store * event: Pdu * reason: DropReason -> unit
    /// The servers that an event is sent to: those in the room, or all at the end of a run.
    abstract Destinations: view: Store * decided: DecidedEvent -> string list

/// A server's times, in milliseconds.
[<RequireQualifiedAccess>]
module Timing =

    /// From a decision until it is durable.
    let flush = 5

    /// Timeout of requests and transactions.
    let patience = 1_500

    /// How often a request is sent.
    let attempts = 3

    /// The most calls of a machine that wait for the disk at once.
    let reads = 2

    /// The most events in one transaction.
    let transaction = 50

    /// The most events in one page of history.
    let page = 10
