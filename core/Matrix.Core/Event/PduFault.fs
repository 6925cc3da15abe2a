namespace Matrix.Core.Event

open Matrix.Core.Ident
open Matrix.Core.Json

/// Why JSON is not an event of its room version. v1.19 rooms/v12#event-format-1; v1.19 client-server-api#size-limits
[<RequireQualifiedAccess>]
type PduFault =
    /// The text could not be read.
    | Unreadable of JsonError
    /// A number that canonical JSON does not allow, in a version that requires canonical JSON.
    | NotCanonical
    /// A required member is missing.
    | Missing of key: string
    /// A member has the wrong type.
    | WrongType of key: string * expected: string
    /// A member is not a valid identifier.
    | BadId of key: string * reason: IdentError
    /// A member has too many bytes.
    | KeyTooLong of key: string * bytes: int * limit: int
    /// The event has too many bytes.
    | EventTooLarge of bytes: int * limit: int
    /// `prev_events` or `auth_events` has too many entries.
    | TooManyReferences of key: string * count: int * limit: int
    /// A depth below zero, or above what the version allows.
    | DepthOutOfRange of depth: int64 * limit: int64

    /// Whether the event is too large (`M_TOO_LARGE`), rather than malformed (`M_BAD_JSON`).
    member this.IsSize =
        match this with
        | KeyTooLong _
        | EventTooLarge _
        | Unreadable { Fault = JsonFault.TooLarge _ } -> true
        | BadId(_, IdentError.TooLong _) -> true
        | _ -> false

    /// For logs and error objects.
    override this.ToString() =
        match this with
        | Unreadable error -> error.ToString()
        | NotCanonical -> "a number is not an integer, or is out of range"
        | Missing key -> $"'{key}' is missing"
        | WrongType(key, expected) -> $"'{key}' is not {expected}"
        | BadId(key, reason) -> $"'{key}' {reason}"
        | KeyTooLong(key, bytes, limit) -> $"'{key}' takes {bytes} bytes where {limit} are allowed"
        | EventTooLarge(bytes, limit) -> $"the event takes {bytes} bytes where {limit} are allowed"
        | TooManyReferences(key, count, limit) -> $"'{key}' has {count} entries where {limit} are allowed"
        | DepthOutOfRange(depth, limit) -> $"'depth' is {depth}, not from 0 to {limit}"
