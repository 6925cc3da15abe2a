namespace Matrix.Core.Facade

open System.Runtime.InteropServices
open Matrix.Core.Ident

/// Identifiers and their parts, for the host. The modules of `Matrix.Core.Ident` validate them.
[<AbstractClass; Sealed>]
type Identifiers private () =

    /// The id of a new user of this server. If false, `reason` says what is wrong with the localpart, as the end of a
    /// sentence.
    static member TryNewUserId
        (serverName: string, localpart: string, [<Out>] userId: byref<string>, [<Out>] reason: byref<string>)
        : bool =
        match UserId.checkNewLocalpart serverName localpart with
        | Ok localpart ->
            userId <- UserId.make localpart serverName
            reason <- ""
            true
        | Error e ->
            userId <- ""
            reason <- e.ToString()
            false

    /// The parts of `algorithm:identifier`. False if it is not such a pair.
    static member TryKeyId(keyId: string, [<Out>] algorithm: byref<string>, [<Out>] identifier: byref<string>) : bool =
        match KeyId.parts keyId with
        | Ok(struct (a, i)) ->
            algorithm <- a
            identifier <- i
            true
        | Error _ ->
            algorithm <- ""
            identifier <- ""
            false

    /// Host (an IPv6 literal in its brackets) and port (0 if absent) of a server name. False if it is not a server
    /// name.
    static member TryServerName(name: string, [<Out>] host: byref<string>, [<Out>] port: byref<int>) : bool =
        match ServerName.parts name with
        | Ok(struct (h, p, _)) ->
            host <- h
            port <- p
            true
        | Error _ ->
            host <- ""
            port <- 0
            false
