namespace Matrix.Core.Ident

/// Why a string is not a valid identifier. v1.19 appendices#identifier-grammar
[<RequireQualifiedAccess>]
type IdentError =
    /// It does not start with this sigil.
    | Sigil of expected: char
    /// It takes `bytes` bytes of UTF-8; `limit` are allowed.
    | TooLong of bytes: int * limit: int
    /// It is empty, or the part before the colon is.
    | Empty
    /// The colon is missing.
    | NoColon
    /// The part after the colon is not a server name.
    | ServerName of given: string
    /// A character that the grammar does not allow, at this index.
    | Character of index: int
    /// A lone surrogate, at this index.
    | LoneSurrogate of index: int
    /// Not the unpadded base64 of a hash, in the alphabet and length of its room version.
    | NotAHash

    /// For logs and error objects.
    override this.ToString() =
        match this with
        | Sigil expected -> $"does not start with '{expected}'"
        | TooLong(bytes, limit) -> $"takes {bytes} bytes where {limit} are allowed"
        | Empty -> "is empty"
        | NoColon -> "has no colon"
        | ServerName given -> $"has no valid server name after the colon: {given}"
        | Character index -> $"has a character that is not allowed, at index {index}"
        | LoneSurrogate index -> $"has half a surrogate pair, at index {index}"
        | NotAHash -> "is not the base64 of a hash"

/// Common parts of the grammars.
[<RequireQualifiedAccess>]
module Ident =

    open System
    open System.Text

    /// The longest identifier, in bytes of UTF-8, sigil and server name included.
    [<Literal>]
    let MaxBytes = Matrix.Rules.Limits.IdentifierBytes

    /// The size in bytes of UTF-8.
    let bytes (s: string) : int = Encoding.UTF8.GetByteCount s

    /// Whether it takes at most 255 bytes.
    let fits (s: string) : bool =
        // A UTF-16 unit takes at most three bytes.
        s.Length <= MaxBytes / 3 || (s.Length <= MaxBytes && bytes s <= MaxBytes)

    let internal checkLength (s: string) : IdentError voption =
        if fits s then
            ValueNone
        else
            ValueSome(IdentError.TooLong(bytes s, MaxBytes))

    /// The index of the first lone surrogate, or -1.
    let loneSurrogate (s: ReadOnlySpan<char>) : int =
        let mutable i = 0
        let mutable found = -1

        while found < 0 && i < s.Length do
            if not (Char.IsSurrogate s[i]) then
                i <- i + 1
            elif Char.IsHighSurrogate s[i] && i + 1 < s.Length && Char.IsLowSurrogate s[i + 1] then
                i <- i + 2
            else
                found <- i

        found

    /// The server name of `&localpart:server`: everything after the first colon; empty if there is no colon.
    /// (The localpart has no colon; a port and an IPv6 literal have.)
    let serverOf (id: string) : string =
        match id.IndexOf ':' with
        | -1 -> ""
        | colon -> id.Substring(colon + 1)

    /// Whether `&localpart:server` is of this server. Names are compared as written.
    let isOn (server: string) (id: string) : bool =
        match id.IndexOf ':' with
        | -1 -> false
        | colon -> id.AsSpan(colon + 1).SequenceEqual(server.AsSpan())
