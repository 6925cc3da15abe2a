namespace Matrix.Core.Room.Incoming.Facts

open System
open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.Auth
open Matrix.Core.Json
open Matrix.Core.State

/// A look-up of accepted state events that name an event in `auth_events`.
[<Sealed>]
type CitingLookUp internal (eventId: string, count: int) =

    /// The event that they name.
    member _.EventId = eventId

    /// The number of events that are needed, the newest first. More may be supplied.
    member _.Count = count

/// The signatures of an accepted third-party invite, to be verified with the public keys of states.
[<Sealed>]
type ThirdPartyLookUp internal (event: Pdu, signed: JsonObject, keys: string[]) =

    /// The membership event.
    member _.Event = event

    /// Its `third_party_invite.signed`.
    member _.Signed = signed

    /// The public keys to try, as the states' invitations write them.
    member _.Keys = keys

    /// Those of the keys by which a signature is valid. `verify`: key, message, signature.
    member _.VerifiedBy(verify: Func<byte[], byte[], byte[], bool>) : string[] =
        ThirdPartyKeys.verifiedOf verify keys signed

/// The facts of a room that the machine lacks. Nothing of the call that returned them has happened: read all of them
/// together, supply them with `RoomMachine.Supply`, and repeat the call.
[<Sealed>]
type LookUps
    internal
    (
        memory: obj,
        period: int64,
        events: string[],
        states: string[],
        citing: CitingLookUp[],
        following: string[],
        thirdParty: ThirdPartyLookUp[],
        needsServers: bool,
        strangers: string[]
    ) =

    static let none = LookUps(obj (), 0L, [||], [||], [||], [||], [||], false, [||])

    /// No look-ups.
    static member internal None = none

    /// The memory that lacks the facts.
    member internal _.Memory = memory

    /// The number of decisions that were durable when they were made.
    member internal _.Period = period

    /// Events by id.
    member _.Events = events

    /// Events after which the state is needed; before which, if they were rejected.
    member _.States = states

    /// The accepted state events that name an event in `auth_events`.
    member _.Citing = citing

    /// Events whose followers are needed: the decided events, without outliers, that name them in `prev_events`.
    member _.Following = following

    /// Signatures of third-party invites. They are verified, not read.
    member _.ThirdParty = thirdParty

    /// Whether the other servers joined in the room are needed.
    member _.NeedsServers = needsServers

    /// Servers that may be strangers: those without a joined user in the room are needed.
    member _.Strangers = strangers

    /// Whether nothing is lacking.
    member _.IsEmpty =
        events.Length = 0
        && states.Length = 0
        && citing.Length = 0
        && following.Length = 0
        && thirdParty.Length = 0
        && not needsServers
        && strangers.Length = 0

/// What the durable history of a room says about look-ups. What was looked up and is not added here does not exist.
/// More than that may be added, such as auth events of the events that were looked up. The facts must be read after the
/// look-ups were returned.
[<Sealed>]
type LookUpResults(lookUps: LookUps) =

    let events = Dictionary<string, KnownEvent>()
    let states = Dictionary<string, StateTree>()
    let citing = Dictionary<string, struct (string[] * bool)>()
    let following = Dictionary<string, string[]>()
    let verified = Dictionary<string, string[]>()
    let strangers = HashSet<string>()

    /// The look-ups.
    member _.LookUps = lookUps

    /// Adds a decided event.
    member _.AddKnown(event: KnownEvent) : unit = events[event.EventId] <- event

    /// Adds the state after an event that is no outlier; the state before it, if it was rejected.
    member _.AddStateAfter(eventId: string, state: StateTree) : unit = states[eventId] <- state

    /// Adds the accepted state events that name an event in `auth_events`, the newest first, and whether these are all.
    member _.AddCiting(eventId: string, newestFirst: IReadOnlyCollection<string>, areAll: bool) : unit =
        citing[eventId] <- struct (Seq.toArray newestFirst, areAll)

    /// Adds the decided events, without outliers, that name an event in `prev_events`.
    member _.AddFollowing(eventId: string, followers: IReadOnlyCollection<string>) : unit =
        following[eventId] <- Seq.toArray followers

    /// Adds the keys of a `ThirdPartyLookUp` by which a signature is valid.
    member _.AddVerified(lookUp: ThirdPartyLookUp, keys: string[]) : unit = verified[lookUp.Event.EventId] <- keys

    /// Adds a server that has no joined user in the room.
    member _.AddStranger(server: string) : unit = strangers.Add server |> ignore

    /// The other servers joined in the room, in the order in which they are asked.
    member val Servers: IReadOnlyList<string> = [||] with get, set

    member internal _.Events = events
    member internal _.States = states
    member internal _.Citing = citing
    member internal _.Following = following
    member internal _.Verified = verified
    member internal _.Strangers = strangers
