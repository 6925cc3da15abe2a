namespace Matrix.Core.Federation

open System.Collections.Generic
open Matrix.Core.Ident
open Matrix.Core.Push

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

            let isIn (patterns: Glob[]) =
                names
                |> Array.exists (fun name -> patterns |> Array.exists (fun pattern -> pattern.Matches name))

            not (isIn deny) && (allow.Length = 0 || isIn allow)
