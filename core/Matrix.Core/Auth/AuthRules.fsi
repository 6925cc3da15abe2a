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

    /// The clause that decided.
    member Clause: string

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

    /// Whether a redaction that was accepted is applied to an event of this sender's, by the state that it was accepted in.
    /// Room versions, "Handling redactions".
    member Applies: redaction: Pdu * redactedSender: string * state: IAuthState -> Decision

    /// Whether a user of this server may ask for a redaction of an event of this sender's: never more than `Applies` grants.
    /// Client-Server API, "Redactions".
    member MayAsk: redaction: Pdu * redactedSender: string * state: IAuthState -> Decision

    /// Whether a member has the power to let others into a restricted room; nobody has in a version without such rooms. That they are
    /// joined is for the caller to know; the join that names them is decided like any other.
    member MayVouch: state: IAuthState * userId: string -> bool

    /// Whether the state's join rules let members of other rooms in, where somebody vouches for them.
    member LetsMembersOfRoomsIn: state: IAuthState -> bool

    /// Whether the create event is among the auth events that events cite.
    member CitesCreate: bool

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
