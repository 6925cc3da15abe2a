namespace Matrix.Core.Ident

open System

/// User ids. Appendices, "User Identifiers" and "Historical User IDs".
[<RequireQualifiedAccess>]
module UserId =

    /// `@localpart:server` as events may hold it: any characters but colon and NUL in the localpart, which may be
    /// empty.
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

    /// Whether this is a user id as events may hold it.
    let isValid (id: string) : bool = Result.isOk (check id)

    /// The user id that a state key is, or starts with, followed by an underscore; null if there is none. Server names
    /// have no underscores: the first one after the colon ends the id.
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

    /// The localpart of a new user on this server: by today's grammar, and short enough for the whole id.
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

    /// Whether a valid id may be shown to clients outside of events: no empty localpart, and only U+0021 to U+007E in
    /// it.
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
    let server (id: string) : string = Ident.serverOf id

    /// The part between the sigil and the first colon.
    let localpart (id: string) : string =
        match id.IndexOf ':' with
        | -1 -> id.Substring(min 1 id.Length)
        | colon -> id.Substring(1, max 0 (colon - 1))

    /// `@localpart:server`.
    let make (localpart: string) (server: string) : string =
        String.Concat("@", localpart, ":", server)
