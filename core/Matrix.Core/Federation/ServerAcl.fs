namespace Matrix.Core.Federation

open Matrix.Core.Ident
open Matrix.Core.Json
open Matrix.Core.Push

/// A room's access control list of servers. v1.19 client-server-api#server-access-control-lists-acls-for-rooms
[<Sealed>]
type ServerAcl private (allow: Glob[], deny: Glob[], allowIpLiterals: bool) =

    static let patterns (content: JsonObject) (name: string) : Glob[] =
        match content.TryFind name with
        | ValueSome(Json.Array items) -> [|
            for item in items do
                match item with
                | Json.String pattern -> Glob.Of pattern
                | _ -> ()
          |]
        | _ -> [||]

    static let everyone = ServerAcl([| Glob.Of "*" |], [||], true)

    /// The list of a room without an `m.room.server_acl` event.
    static member Everyone = everyone

    /// The list in the content of an `m.room.server_acl` event. Values of a wrong type count as missing.
    static member Of(content: JsonObject) : ServerAcl =
        let allowIpLiterals =
            match content.TryFind "allow_ip_literals" with
            | ValueSome(Json.Bool false) -> false
            | _ -> true

        ServerAcl(patterns content "allow", patterns content "deny", allowIpLiterals)

    /// Whether a server may participate. Its port does not matter. What is no server name may not.
    member _.Allows(serverName: string) : bool =
        match ServerName.parts serverName with
        | Error _ -> false
        | Ok(struct (host, _, kind)) ->
            let name = FoldedText.Of host
            let isIn = Array.exists (fun (pattern: Glob) -> pattern.Matches name)

            not (kind <> HostKind.Dns && not allowIpLiterals)
            && not (isIn deny)
            && isIn allow
