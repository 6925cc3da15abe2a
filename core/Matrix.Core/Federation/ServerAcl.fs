namespace Matrix.Core.Federation

open System.Collections.Generic
open Matrix.Core.Ident
open Matrix.Core.Json
open Matrix.Core.Push

module private ServerPatterns =

    let matchesAny (patterns: Glob[]) (name: FoldedText) =
        patterns |> Array.exists (fun pattern -> pattern.Matches name)

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

            not (kind <> HostKind.Dns && not allowIpLiterals)
            && not (ServerPatterns.matchesAny deny name)
            && ServerPatterns.matchesAny allow name

/// The servers that this server talks to, by an operator's lists of names or globs. An entry matches a server name with
/// or without its port. Dots at the end of its host do not matter: it is the same one. An empty `allow` allows all.
[<Sealed>]
type ServerFilter(allow: IReadOnlyList<string>, deny: IReadOnlyList<string>) =

    let allow = [| for pattern in allow -> Glob.Of pattern |]
    let deny = [| for pattern in deny -> Glob.Of pattern |]

    /// Whether requests to and from a server are allowed. What is no server name is not.
    member _.Allows(serverName: string) : bool =
        match ServerName.parts serverName with
        | Error _ -> false
        | Ok(struct (host, _, _)) ->
            let bare = host.TrimEnd '.'

            let names =
                if bare.Length = host.Length then
                    [| serverName; host |]
                else
                    [| serverName; host; bare; bare + serverName.Substring host.Length |]
                |> Array.map FoldedText.Of

            let isIn patterns =
                names |> Array.exists (ServerPatterns.matchesAny patterns)

            not (isIn deny) && (allow.Length = 0 || isIn allow)
