namespace Matrix.Core.Ident

/// Opaque identifiers. v1.19 appendices#opaque-identifiers, v1.19 appendices#common-namespaced-identifier-grammar
[<RequireQualifiedAccess>]
module OpaqueId =

    let private isLower (c: char) = c >= 'a' && c <= 'z'
    let private isDigit (c: char) = c >= '0' && c <= '9'

    let private isOpaqueChar (c: char) =
        isLower c
        || isDigit c
        || (c >= 'A' && c <= 'Z')
        || c = '-'
        || c = '.'
        || c = '_'
        || c = '~'

    let private check (is: char -> bool) (most: int) (id: string) : Result<string, IdentError> =
        if id = "" then
            Error IdentError.Empty
        elif id.Length > most then
            Error(IdentError.TooLong(Ident.bytes id, most))
        else
            match Seq.tryFindIndex (is >> not) id with
            | Some i -> Error(IdentError.Character i)
            | None -> Ok id

    /// One to 255 of the characters that need no escape in a URL.
    let checkOpaque (id: string) : Result<string, IdentError> = check isOpaqueChar Ident.MaxBytes id

    /// A namespaced identifier such as `com.example.thing`: lower case, starting with a letter.
    let checkNamespaced (id: string) : Result<string, IdentError> =
        match check (fun c -> isLower c || isDigit c || c = '-' || c = '_' || c = '.') Ident.MaxBytes id with
        | Ok _ when not (isLower id[0]) -> Error(IdentError.Character 0)
        | other -> other

/// Device ids: opaque. They occur in key ids, after the colon, and in paths.
[<RequireQualifiedAccess>]
module DeviceId =

    /// One to 255 bytes without control characters. Clients choose them freely at login.
    let check (id: string) : Result<string, IdentError> =
        if id = "" then
            Error IdentError.Empty
        else
            match Ident.checkLength id, Ident.loneSurrogate (System.MemoryExtensions.AsSpan id) with
            | ValueSome e, _ -> Error e
            | _, lone when lone >= 0 -> Error(IdentError.LoneSurrogate lone)
            | _ ->
                match Seq.tryFindIndex System.Char.IsControl id with
                | Some i -> Error(IdentError.Character i)
                | None -> Ok id

    /// Whether this is a valid device id.
    let isValid (id: string) : bool = Result.isOk (check id)

/// Key ids: `algorithm:identifier`, such as `ed25519:auto` of a server or `curve25519:JLAFKJWSCS` of a device.
/// v1.19 appendices#signing-details; v1.19 client-server-api#key-algorithms
[<RequireQualifiedAccess>]
module KeyId =

    /// The parts, around the first colon; neither is empty.
    let parts (id: string) : Result<struct (string * string), IdentError> =
        match id.IndexOf ':' with
        | -1 -> Error IdentError.NoColon
        | 0 -> Error IdentError.Empty
        | colon when colon = id.Length - 1 -> Error IdentError.Empty
        | colon -> Ok(struct (id.Substring(0, colon), id.Substring(colon + 1)))

    /// A server's signing key id: `ed25519:` and one or more of `[a-zA-Z0-9_]`.
    let checkServerKey (id: string) : Result<string, IdentError> =
        match parts id with
        | Error e -> Error e
        | Ok(struct (algorithm, version)) ->
            if algorithm <> "ed25519" then
                Error(IdentError.Character 0)
            else
                let is (c: char) =
                    System.Char.IsAsciiLetterOrDigit c || c = '_'

                match Seq.tryFindIndex (is >> not) version with
                | Some i -> Error(IdentError.Character(i + algorithm.Length + 1))
                | None -> Ok id

    /// Whether this is a server's signing key id.
    [<CompiledName "IsServerKey">]
    let isServerKey (id: string) : bool = Result.isOk (checkServerKey id)
