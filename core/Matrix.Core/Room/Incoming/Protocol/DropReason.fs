namespace Matrix.Core.Room.Incoming.Protocol

open Matrix.Core.Event
open Matrix.Core.StateRes

/// The reason why an event was not decided. Nothing of it is kept: it may come again.
[<RequireQualifiedAccess>]
type DropReason =
    /// Check 1: it does not have the format of its room version.
    | Malformed of PduFault
    /// It is of another room.
    | OtherRoom of roomId: string
    /// Check 2: a required signature is missing or invalid, or the server's keys could not be fetched.
    | NotSigned of server: string
    /// No peer had this auth event.
    | AuthEventUnavailable of eventId: string
    /// No peer had its missing previous events, or the state before it.
    | StateUnavailable
    /// The states after its previous events could not be resolved.
    | Unresolvable of ResolutionError
    /// Peers that may have what it needs were unreachable for too long.
    | NotReached of milliseconds: int64
    /// Too many events are staged in this room, or from this peer in this room; or it made room for those of another
    /// peer that has fewer.
    | StagingFull of limit: int
    /// More of its history is missing than is fetched for one event.
    | TooMuchMissing of limit: int
    /// Fetching its history took more requests than the limit for one received event.
    | TooManyRequests of limit: int
    /// It lacks others, and its sender waits for the decision.
    | MustNotWait
    /// It depends on itself.
    | Circular
    /// The storage refused it.
    | NotStored
    /// The numbers of the room's outliers are used up, or those of a place in its history.
    | NoNumber
