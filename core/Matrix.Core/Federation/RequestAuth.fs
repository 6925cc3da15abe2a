namespace Matrix.Core.Federation

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Json

/// Why an `Authorization` header was refused.
[<RequireQualifiedAccess>]
type RequestAuthFault =
    /// The scheme is not `X-Matrix`.
    | OtherScheme
    /// The text does not follow the grammar.
    | Malformed
    /// A parameter is given twice.
    | Repeated of parameter: string
    /// A required parameter is missing.
    | Missing of parameter: string
    /// A parameter's value does not follow its grammar.
    | Invalid of parameter: string

/// A fault and its position in the header, in characters.
[<Struct>]
type RequestAuthError = {
    Fault: RequestAuthFault
    Offset: int
} with

    /// For logs and error objects; empty if there is no fault.
    override this.ToString() =
        match this.Fault with
        | fault when isNull (box fault) -> ""
        | RequestAuthFault.OtherScheme -> "the scheme is not X-Matrix"
        | RequestAuthFault.Malformed -> $"malformed at character {this.Offset}"
        | RequestAuthFault.Repeated parameter -> $"`{parameter}` is given twice"
        | RequestAuthFault.Missing parameter -> $"`{parameter}` is missing"
        | RequestAuthFault.Invalid parameter -> $"`{parameter}` is not valid"

/// The grammar of credentials. RFC 9110, sections 5.6 and 11.4.
module private Credentials =

    let private scheme = "X-Matrix"
    let private known = [| "origin"; "destination"; "key"; "sig" |]

    let private isTokenChar (c: char) =
        Char.IsAsciiLetterOrDigit c || "!#$%&'*+-.^_`|~".Contains c

    /// Older servers send colons without quotation marks.
    let private isBareChar (c: char) = isTokenChar c || c = ':'

    let private isSpace (c: char) = c = ' ' || c = '\t'

    let private isQuotable (c: char) = c = '\t' || (c >= ' ' && c <> '\u007F')

    let rec private skip (is: char -> bool) (text: string) (at: int) =
        if at < text.Length && is text[at] then
            skip is text (at + 1)
        else
            at

    let private malformed (at: int) =
        Error {
            Fault = RequestAuthFault.Malformed
            Offset = at
        }

    /// The value that starts after a quotation mark, and the index after the closing one.
    let private quoted (text: string) (start: int) : Result<struct (string * int), RequestAuthError> =
        let value = Text.StringBuilder()

        let rec go at =
            if at >= text.Length || not (isQuotable text[at]) then
                malformed at
            elif text[at] = '"' then
                Ok(struct (value.ToString(), at + 1))
            elif text[at] <> '\\' then
                value.Append text[at] |> ignore
                go (at + 1)
            elif at + 1 < text.Length && isQuotable text[at + 1] then
                value.Append text[at + 1] |> ignore
                go (at + 2)
            else
                malformed (at + 1)

        go start

    let private valueAt (text: string) (at: int) : Result<struct (string * int), RequestAuthError> =
        if at < text.Length && text[at] = '"' then
            quoted text (at + 1)
        else
            match skip isBareChar text at with
            | stop when stop = at -> malformed at
            | stop -> Ok(struct (text.Substring(at, stop - at), stop))

    /// `name=value` at an index, and the index of the comma or the end that follows it.
    let private parameterAt (text: string) (at: int) : Result<struct (string * string * int), RequestAuthError> =
        let nameEnd = skip isTokenChar text at
        let equals = skip isSpace text nameEnd

        if nameEnd = at || equals >= text.Length || text[equals] <> '=' then
            malformed equals
        else
            valueAt text (skip isSpace text (equals + 1))
            |> Result.bind (fun (struct (value, valueEnd)) ->
                match skip isSpace text valueEnd with
                | stop when stop < text.Length && text[stop] <> ',' -> malformed stop
                | stop -> Ok(struct (text.Substring(at, nameEnd - at), value, stop)))

    /// The known parameters by name. Unknown ones are ignored, and so are empty elements of the list.
    let parse (text: string) : Result<Dictionary<string, string>, RequestAuthError> =
        let found = Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)

        let rec go at =
            match skip (fun c -> isSpace c || c = ',') text at with
            | start when start >= text.Length -> Ok found
            | start ->
                match parameterAt text start with
                | Error e -> Error e
                | Ok(struct (name, value, stop)) ->
                    match
                        known
                        |> Array.tryFind (fun k -> k.Equals(name, StringComparison.OrdinalIgnoreCase))
                    with
                    | Some name when not (found.TryAdd(name, value)) ->
                        Error {
                            Fault = RequestAuthFault.Repeated name
                            Offset = start
                        }
                    | _ -> go stop

        let isScheme =
            text.StartsWith(scheme, StringComparison.OrdinalIgnoreCase)
            && text.Length > scheme.Length
            && text[scheme.Length] = ' '

        if isScheme then
            go scheme.Length
        else
            Error {
                Fault = RequestAuthFault.OtherScheme
                Offset = 0
            }

/// The credentials of a request between servers: the `Authorization` header with the scheme `X-Matrix`.
/// v1.19 server-server-api#request-authentication
[<Sealed>]
type RequestAuth private (origin: string, destination: string | null, keyId: string, signature: byte[]) =

    static let none = RequestAuth("", null, "", [||])

    static let read (parameters: Dictionary<string, string>) : Result<RequestAuth, RequestAuthError> =
        let fault f = Error { Fault = f; Offset = 0 }

        let valid (name: string) (check: string -> bool) : Result<string, RequestAuthError> =
            match parameters.TryGetValue name with
            | true, value when check value -> Ok value
            | true, _ -> fault (RequestAuthFault.Invalid name)
            | _ -> fault (RequestAuthFault.Missing name)

        let destination: string | null =
            match parameters.TryGetValue "destination" with
            | true, value -> value
            | _ -> null

        valid "origin" ServerName.isValid
        |> Result.bind (fun origin ->
            valid "key" KeyId.isServerKey
            |> Result.bind (fun keyId ->
                valid "sig" (fun _ -> true)
                |> Result.bind (fun text ->
                    match UnpaddedBase64.decode text with
                    | null -> fault (RequestAuthFault.Invalid "sig")
                    | signature -> Ok(RequestAuth(origin, destination, keyId, signature)))))

    /// The sending server.
    member _.Origin = origin

    /// The receiving server as the sender named it; null if the sender did not, as older servers do not. The recipient
    /// compares it with its own name.
    member _.Destination = destination

    /// The key that signed the request, `ed25519:…`.
    member _.KeyId = keyId

    /// The signature's bytes.
    member _.Signature = signature

    /// Parses the header's value. If false, `error` says why.
    static member TryParse
        (header: string, [<Out>] auth: byref<RequestAuth>, [<Out>] error: byref<RequestAuthError>)
        : bool =
        match Credentials.parse header |> Result.bind read with
        | Ok parsed ->
            auth <- parsed
            true
        | Error e ->
            auth <- none
            error <- e
            false

    /// The header's value, in the form that older servers also read: lower-case names, one space, no backslashes.
    static member Print(origin: string, destination: string, keyId: string, signature: ReadOnlySpan<byte>) : string =
        let signature = UnpaddedBase64.encode signature
        $"X-Matrix origin=\"{origin}\",destination=\"{destination}\",key=\"{keyId}\",sig=\"{signature}\""

    /// The bytes that sign a request. `uri` begins with `/_matrix/` and has the query; `content` is the body as
    /// canonical JSON, and empty if there is no body. `origin` and `destination` are names before delegation.
    static member BytesToSign
        (method: string, uri: string, origin: string, destination: string, content: ReadOnlySpan<byte>)
        : byte[] =
        use out = new ByteBuffer(content.Length + uri.Length + 512)

        let write (name: string) (value: string) =
            CanonicalJson.writeString out name
            out.Byte ':'B
            CanonicalJson.writeString out value

        out.Byte '{'B

        if not content.IsEmpty then
            CanonicalJson.writeString out "content"
            out.Byte ':'B
            out.Raw content
            out.Byte ','B

        write "destination" destination
        out.Byte ','B
        write "method" method
        out.Byte ','B
        write "origin" origin
        out.Byte ','B
        write "uri" uri
        out.Byte '}'B
        out.ToArray()
