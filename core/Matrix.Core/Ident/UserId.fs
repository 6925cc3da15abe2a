namespace Matrix.Core.Ident

open System

/// User ids. v1.19 appendices#user-identifiers, v1.19 appendices#historical-user-ids
[<RequireQualifiedAccess>]
module UserId =

    /// `@localpart:server` in the form that events may have: the localpart is any text without colon and NUL, and may
    /// be empty.
    let check (id: string) : Result<string, IdentError> =
        if id.Length = 0 || id[0] <> '@' then
            Error(IdentError.Sigil '@')
        else
            match Ident.checkLength id with
            | ValueSome e -> Error e
            | ValueNone ->
                match id.IndexOf ':' with
                | -1 -> Error IdentError.NoColon
                | colon ->
                    match id.IndexOf '\000', Ident.loneSurrogate (id.AsSpan()) with
                    | nul, _ when nul >= 0 && nul < colon -> Error(IdentError.Character nul)
                    | _, lone when lone >= 0 -> Error(IdentError.LoneSurrogate lone)
                    | _ ->
                        if ServerName.isValidSpan (id.AsSpan(colon + 1)) then
                            Ok id
                        else
                            Error(IdentError.ServerName(id.Substring(colon + 1)))

    /// Whether this is a user id in the form that events may have.
    [<CompiledName "IsValid">]
    let isValid (id: string) : bool = Result.isOk (check id)

    /// The user id that a state key is, or that it starts with before an underscore; null if there is none. Server
    /// names have no underscores, so the first one after the colon ends the id.
    let owner (stateKey: string) : string | null =
        let id =
            match stateKey.IndexOf ':' with
            | -1 -> stateKey
            | colon ->
                match stateKey.IndexOf('_', colon) with
                | -1 -> stateKey
                | underscore -> stateKey.Substring(0, underscore)

        if isValid id then id else null

    /// Whether the localpart of a new user may contain this character.
    let private isLocalpartChar (c: char) =
        (c >= 'a' && c <= 'z')
        || (c >= '0' && c <= '9')
        || c = '.'
        || c = '_'
        || c = '='
        || c = '-'
        || c = '/'
        || c = '+'

    /// Checks the localpart of a new user on this server: today's grammar, and the length of the whole id.
    let checkNewLocalpart (server: string) (localpart: string) : Result<string, IdentError> =
        if localpart = "" then
            Error IdentError.Empty
        else
            match Seq.tryFindIndex (isLocalpartChar >> not) localpart with
            | Some i -> Error(IdentError.Character i)
            | None ->
                let length = localpart.Length + Ident.bytes server + 2

                if length > Ident.MaxBytes then
                    Error(IdentError.TooLong(length, Ident.MaxBytes))
                else
                    Ok localpart

    /// Whether a valid id may be shown to clients outside of events: the localpart is not empty, and has only
    /// characters from U+0021 to U+007E.
    [<CompiledName "IsCompliant">]
    let isCompliant (id: string) : bool =
        match id.IndexOf ':' with
        | -1
        | 1 -> false
        | colon ->
            let mutable ok = true

            for i in 1 .. colon - 1 do
                ok <- ok && id[i] >= '\033' && id[i] <= '~'

            ok

    /// The server of a valid id.
    [<CompiledName "Server">]
    let server (id: string) : string = Ident.serverOf id

    /// The part between the sigil and the first colon.
    [<CompiledName "Localpart">]
    let localpart (id: string) : string =
        match id.IndexOf ':' with
        | -1 -> id.Substring(min 1 id.Length)
        | colon -> id.Substring(1, max 0 (colon - 1))

    /// `@localpart:server`.
    [<CompiledName "Make">]
    let make (localpart: string) (server: string) : string =
        String.Concat("@", localpart, ":", server)
