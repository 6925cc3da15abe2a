namespace Matrix.Core.Json

/// How strictly numbers are read.
[<RequireQualifiedAccess>]
type Reading =
    /// Canonical JSON: its range, no decimal points. For events of room version 6 and later, and events from clients.
    | Strict
    /// For events of room versions 1 to 5: floats and integers outside of the range are kept.
    | Lenient
    /// For bodies that never become events: as lenient. The reader of a field decides what it accepts.
    | Client

/// Bounds of one parse.
[<Struct>]
type JsonLimits = {
    /// The longest accepted text, in bytes.
    Bytes: int
    /// The greatest nesting of objects and arrays.
    Depth: int
}

/// Named defaults of the bounds.
[<RequireQualifiedAccess>]
module JsonLimits =

    /// An event from another server or a client: 64 KiB of canonical JSON, and space for `unsigned` and white space.
    /// Other servers' parsers also accept a depth of 128.
    let event = {
        Bytes = 4 * Matrix.Rules.Limits.EventBytes
        Depth = Matrix.Rules.Limits.Nesting
    }

    /// A request body of the Client-Server API.
    let clientBody = { Bytes = 1024 * 1024; Depth = 128 }

    /// A transaction or a state response of another server. It is as deep as other servers' parsers accept: one event
    /// that is too deep must not refuse the others.
    let federationBody = {
        Bytes = 256 * 1024 * 1024
        Depth = 1024
    }

/// Why a text was refused.
[<RequireQualifiedAccess>]
type JsonFault =
    /// The text is no JSON.
    | Malformed
    /// Some bytes are not UTF-8.
    | NotUtf8
    /// More data follows the value.
    | TrailingData
    /// An escape stands for a lone surrogate.
    | LoneSurrogate
    /// A number with a decimal point or a negative exponent, where integers are required.
    | NotAnInteger
    /// An integer beyond ±(2^53 - 1), where canonical JSON is required.
    | OutOfRange
    /// A number with a decimal point or an exponent that is beyond a double's range.
    | FloatOutOfRange
    /// Deeper nesting than `limit`.
    | TooDeep of limit: int
    /// Another value where an object is required.
    | NotAnObject
    /// `bytes` were given, `limit` are allowed.
    | TooLarge of bytes: int * limit: int

/// A fault and its position: `Offset` counts bytes from the start of the text.
[<Struct>]
type JsonError = {
    Fault: JsonFault
    Offset: int
} with

    /// Whether the text is no JSON (`M_NOT_JSON`) rather than JSON that Matrix does not allow (`M_BAD_JSON`).
    member this.IsNotJson =
        match this.Fault with
        | JsonFault.Malformed
        | JsonFault.NotUtf8
        | JsonFault.TrailingData -> true
        | _ -> false

    /// For logs and error objects.
    override this.ToString() =
        let what =
            match this.Fault with
            | JsonFault.Malformed -> "not JSON"
            | JsonFault.NotUtf8 -> "not UTF-8"
            | JsonFault.TrailingData -> "more data after the value"
            | JsonFault.LoneSurrogate -> "half a surrogate pair"
            | JsonFault.NotAnInteger -> "a number that is not an integer"
            | JsonFault.OutOfRange -> "an integer beyond 2^53 - 1"
            | JsonFault.FloatOutOfRange -> "a number beyond the range of a double"
            | JsonFault.TooDeep limit -> $"nested deeper than {limit}"
            | JsonFault.NotAnObject -> "not an object"
            | JsonFault.TooLarge(bytes, limit) -> $"{bytes} bytes where {limit} are allowed"

        $"{what}, at byte {this.Offset}"
