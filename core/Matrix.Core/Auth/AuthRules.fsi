namespace Matrix.Core.Auth

open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Json

/// What the authorization rules say of an event.
[<RequireQualifiedAccess>]
type Decision =
    /// Allowed, by the clause of this name.
    | Allowed of clause: string
    | Rejected of Failure

    /// Whether the event is allowed.
    member IsOk: bool

/// The authorization rules of one room version, compiled once; safe to use from many threads. Deciding allocates nothing
/// unless it rejects. Room versions, "Authorisation rules".
[<Sealed>]
type AuthRules =

    /// Compiles the tables of a version. Worth keeping: see `AuthRules.Of` for the versions that there are.
    new: version: RoomVersion -> AuthRules

    /// The version that these are the rules of.
    member Version: RoomVersion

    /// Decides an event against a state.
    member Decide: event: Pdu * state: IAuthState * facts: AuthFacts -> Decision

    /// The state keys of the events that an event must cite as auth events where the state has them, each once, in the
    /// order of the table. Empty for a create event. Server-Server API, "Auth events selection".
    member SelectionOf:
        eventType: string * sender: string * stateKey: (string | null) * content: JsonObject -> struct (string * string)[]

    /// A user's power in a state: `Int64.MaxValue` for creators where they stand above all levels.
    member PowerOf: state: IAuthState * userId: string -> int64

    /// Reads a state event for use in an `IAuthState` of this version.
    member Read: event: Pdu -> AuthEvent

    /// The compiled rules of a known version; null if the version is not known.
    static member Of: versionId: string -> AuthRules | null
