namespace Matrix.Core.Auth

open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Json

/// The decision of the authorization rules on an event.
[<RequireQualifiedAccess>]
type Decision =
    /// Allowed, by the clause of this name.
    | Allowed of clause: string
    | Rejected of Failure

    /// Whether the event is allowed.
    member IsOk: bool

    /// The clause that decided.
    member Clause: string

/// The authorization rules of one room version, compiled once and safe for all threads. A decision allocates only if it
/// rejects. v1.19 server-server-api#authorisation-rules, v1.19 rooms/v12#authorisation-rules
[<Sealed>]
type AuthRules =

    /// Compiles the tables of a version. Keep the result; `AuthRules.Of` has those of all versions.
    new: version: RoomVersion -> AuthRules

    /// The version of these rules.
    member Version: RoomVersion

    /// Decides an event against a state.
    member Decide: event: Pdu * state: IAuthState * facts: AuthFacts -> Decision

    /// Whether servers apply an accepted redaction to an event of this sender, given the state before the redaction.
    /// v1.19 rooms/v3#handling-redactions
    member Applies: redaction: Pdu * redactedSender: string * state: IAuthState -> Decision

    /// Whether a local user may redact an event of this sender. It never allows more than `Applies`.
    /// v1.19 client-server-api#redactions
    member MayRedact: redaction: Pdu * redactedSender: string * state: IAuthState -> Decision

    /// Whether a user has the power to authorise restricted joins; false in versions without restricted rooms. The
    /// caller checks that the user is joined. The join that names the user is decided like any other.
    member MayAuthorise: state: IAuthState * userId: string -> bool

    /// Whether the state's join rules let members of other rooms join, with an authorising user.
    member AllowsRestrictedJoins: state: IAuthState -> bool

    /// Whether events name the create event in `auth_events`.
    member AuthEventsIncludeCreate: bool

    /// The types and state keys of the events that an event names in `auth_events`, if the state has them: each once,
    /// in the order of the table. Empty for a create event. v1.19 server-server-api#auth-events-selection
    member SelectionOf:
        eventType: string * sender: string * stateKey: (string | null) * content: JsonObject ->
            struct (string * string)[]

    /// A user's power in a state: `Int64.MaxValue` for creators with infinite power.
    member PowerOf: state: IAuthState * userId: string -> int64

    /// Reads a state event for use in an `IAuthState` of this version.
    member Read: event: Pdu -> AuthEvent

    /// The compiled rules of a version, unstable ones included; null if there is none of that name.
    static member Of: versionId: string -> AuthRules | null
