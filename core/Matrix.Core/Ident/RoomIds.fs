namespace Matrix.Core.Ident

open System

/// Common parts of the ids of rooms, aliases and events.
module internal Sigilled =

    /// `&localpart:server`; the localpart has no colon and no NUL.
    let checkWithServer (sigil: char) (emptyAllowed: bool) (id: string) : Result<string, IdentError> =
        if id.Length = 0 || id[0] <> sigil then
            Error(IdentError.Sigil sigil)
        else
            match Ident.checkLength id with
            | ValueSome e -> Error e
            | ValueNone ->
                match id.IndexOf ':' with
                | -1 -> Error IdentError.NoColon
                | 1 when not emptyAllowed -> Error IdentError.Empty
                | colon ->
                    match id.AsSpan(0, colon).IndexOf '\000', Ident.loneSurrogate (id.AsSpan()) with
                    | nul, _ when nul >= 0 -> Error(IdentError.Character nul)
                    | _, lone when lone >= 0 -> Error(IdentError.LoneSurrogate lone)
                    | _ ->
                        if ServerName.isValidSpan (id.AsSpan(colon + 1)) then
                            Ok id
                        else
                            Error(IdentError.ServerName(id.Substring(colon + 1)))

    /// `&` and at least one character, without a colon and without NUL.
    let isOpaque (sigil: char) (id: string) : bool =
        id.Length > 1
        && id[0] = sigil
        && Ident.fits id
        && id.IndexOfAny([| ':'; '\000' |]) < 0
        && Ident.loneSurrogate (id.AsSpan()) < 0

    /// `&` and the unpadded base64 of 32 bytes: 43 characters, of which the last holds two bits that must be zero.
    let isHash (sigil: char) (urlSafe: bool) (id: string) : bool =
        id.Length = 44
        && id[0] = sigil
        && (let mutable ok = true

            for i in 1..43 do
                let c = id[i]

                ok <-
                    ok
                    && ((c >= 'a' && c <= 'z')
                        || (c >= 'A' && c <= 'Z')
                        || (c >= '0' && c <= '9')
                        || (if urlSafe then c = '-' || c = '_' else c = '+' || c = '/'))

            // 43 characters hold 258 bits.
            ok && "AEIMQUYcgkosw048".IndexOf id[43] >= 0)

    /// The sigil and a hash, in one of the two alphabets.
    let checkHash (sigil: char) (urlSafe: bool) (id: string) : Result<string, IdentError> =
        if id.Length = 0 || id[0] <> sigil then
            Error(IdentError.Sigil sigil)
        elif isHash sigil urlSafe id then
            Ok id
        else
            Error IdentError.NotAHash

/// Room ids. v1.19 appendices#room-ids
[<RequireQualifiedAccess>]
module RoomId =

    /// `!localpart:server`: rooms of versions 1 to 11.
    let checkWithServer (id: string) : Result<string, IdentError> = Sigilled.checkWithServer '!' true id

    /// `!` and the reference hash of the create event: rooms of version 12 and later.
    let checkHash (id: string) : Result<string, IdentError> = Sigilled.checkHash '!' true id

    /// Either form.
    let check (id: string) : Result<string, IdentError> =
        if id.IndexOf ':' >= 0 then
            checkWithServer id
        else
            checkHash id

    /// Whether this is a room id of either form.
    [<CompiledName "IsValid">]
    let isValid (id: string) : bool = Result.isOk (check id)

    /// Whether this may be the id of a room of some version, known or not: clients name rooms that this server does not
    /// know.
    [<CompiledName "IsOfSomeVersion">]
    let isOfSomeVersion (id: string) : bool = isValid id || Sigilled.isOpaque '!' id

    /// The room id that belongs to a create event of version 12 or later.
    let ofCreateEvent (eventId: string) : string =
        String.Concat("!".AsSpan(), eventId.AsSpan 1)

    /// The id of the create event of a room whose id is a hash; empty for other rooms.
    let createEvent (roomId: string) : string =
        if Sigilled.isHash '!' true roomId then
            String.Concat("$".AsSpan(), roomId.AsSpan 1)
        else
            ""

/// Room aliases. v1.19 appendices#room-aliases
[<RequireQualifiedAccess>]
module RoomAlias =

    /// `#localpart:server`.
    let check (alias: string) : Result<string, IdentError> =
        Sigilled.checkWithServer '#' false alias

    /// Whether this is a room alias.
    [<CompiledName "IsValid">]
    let isValid (alias: string) : bool = Result.isOk (check alias)

    /// The server that resolves it.
    [<CompiledName "Server">]
    let server (alias: string) : string = Ident.serverOf alias

/// Event ids. v1.19 appendices#event-ids, v1.19 rooms/v4#event-ids
[<RequireQualifiedAccess>]
module EventId =

    /// `$localpart:server`: room versions 1 and 2.
    let checkWithServer (id: string) : Result<string, IdentError> = Sigilled.checkWithServer '$' true id

    /// `$` and a reference hash in standard base64: room version 3.
    let checkHashStandard (id: string) : Result<string, IdentError> = Sigilled.checkHash '$' false id

    /// `$` and a reference hash in URL-safe base64: room version 4 and later.
    let checkHashUrlSafe (id: string) : Result<string, IdentError> = Sigilled.checkHash '$' true id

    /// An event id of any form, as in a client's path.
    [<CompiledName "IsValid">]
    let isValid (id: string) : bool =
        Sigilled.isHash '$' true id
        || Sigilled.isHash '$' false id
        || Result.isOk (checkWithServer id)

    /// The id that a server assigns to its own event, in room versions 1 and 2. `opaque` must be unique on that server.
    let ofServer (opaque: string) (serverName: string) : string =
        String.Concat("$", opaque, ":", serverName)

    /// The URL-safe id of a reference hash.
    let ofHashUrlSafe (hash: ReadOnlySpan<byte>) : string =
        String.Concat("$", Buffers.Text.Base64Url.EncodeToString hash)

    /// The id of a reference hash in standard base64.
    let ofHashStandard (hash: ReadOnlySpan<byte>) : string =
        String.Concat("$", Convert.ToBase64String(hash).TrimEnd '=')
