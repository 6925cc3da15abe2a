namespace Matrix.Properties.Properties

open System
open System.Text
open System.Text.RegularExpressions
open FsCheck
open FsCheck.FSharp
open Matrix.Core.Ident
open Matrix.Properties
open Matrix.Properties.Generators

/// Grammars of identifiers. v1.19 appendices#identifier-grammar
module IdentProperties =

    /// The published grammar as a regular expression; the operating system parses address literals.
    let private serverNamePattern =
        Regex(
            @"\A(?:\[(?<six>[0-9A-Fa-f:.]{2,45})\]|(?<name>[0-9A-Za-z.-]{1,255}))(?::[0-9]{1,5})?\z",
            RegexOptions.CultureInvariant
        )

    let private literalServerName (s: string) =
        let m = serverNamePattern.Match s

        m.Success
        && (if m.Groups["six"].Success then
                let ok, address = Net.IPAddress.TryParse m.Groups["six"].Value

                match address with
                | null -> false
                | address -> ok && address.AddressFamily = Net.Sockets.AddressFamily.InterNetworkV6
            else
                // Four numbers above 255 are no address, but they are a valid name: the grammar of names allows digits
                // and dots.
                true)

    /// Generated server names are accepted.
    let serverNames =
        Property.forAll
            "ident.server-name.accepts"
            "Names, IPv4 and IPv6 literals are server names, with and without a port."
            IdentGen.serverName
            ServerName.isValid

    /// The fast check agrees with the grammar.
    let serverNameGrammar =
        Property.forAll
            "ident.server-name.grammar"
            "The check agrees with the published grammar on strings that are nearly server names."
            (IdentGen.nearly IdentGen.serverName)
            (fun s -> ServerName.isValid s = literalServerName s)

    /// A server name splits into host and port.
    let serverNameParts =
        Property.forAll
            "ident.server-name.parts"
            "Host and port, put together, give the server name (except for leading zeroes)."
            IdentGen.serverName
            (fun s ->
                match ServerName.parts s with
                | Ok(struct (host, port, _)) ->
                    s = host
                    || (s.StartsWith(host + ":") && int (s.Substring(host.Length + 1)) = port)
                | Error _ -> false)

    /// User ids of either grammar are accepted if they are short enough.
    let userIds =
        Property.forAll
            "ident.user-id.accepts"
            "User ids of today's and of the historical grammar are valid in events exactly if they take at most 255 \
             bytes."
            (Gen.oneof [ IdentGen.userId; IdentGen.historicalUserId ])
            (fun id -> UserId.isValid id = (Encoding.UTF8.GetByteCount id <= 255))

    /// An accepted user id splits into its parts.
    let userIdParts =
        Property.forAll
            "ident.user-id.parts"
            "An accepted user id consists of `@`, its localpart, a colon and its server name; it has no NUL and no \
             lone surrogate."
            (IdentGen.nearly (Gen.oneof [ IdentGen.userId; IdentGen.historicalUserId ]))
            (fun id ->
                match UserId.check id with
                | Ok _ ->
                    id = UserId.make (UserId.localpart id) (UserId.server id)
                    && ServerName.isValid (UserId.server id)
                    && Ident.isOn (UserId.server id) id
                    && id.IndexOf '\000' < 0
                    && id = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes id)
                | Error _ -> true)

    /// Hash ids are exactly the encodings of 32 bytes.
    let hashIds =
        Property.forAll
            "ident.hash-id"
            "An id is a hash id exactly if it is the sigil followed by an encoding of 32 bytes."
            (Gen.oneof [ IdentGen.hash '$'; IdentGen.nearly (IdentGen.hash '$') ])
            (fun id ->
                let literal =
                    id.StartsWith '$'
                    && (let body = id.Substring 1

                        let target = Array.zeroCreate<byte> 64
                        let mutable consumed = 0
                        let mutable written = 0

                        // Decoded, and encoded again.
                        Seq.forall (fun c -> Char.IsAsciiLetterOrDigit c || c = '-' || c = '_') body
                        && Buffers.Text.Base64Url.DecodeFromChars(
                            body.AsSpan(),
                            Span<byte> target,
                            &consumed,
                            &written
                        )
                            =
                            Buffers.OperationStatus.Done
                        && written = 32
                        && Buffers.Text.Base64Url.EncodeToString(ReadOnlySpan<byte>(target, 0, 32)) = body)

                Result.isOk (EventId.checkHashUrlSafe id) = literal
                && RoomId.ofCreateEvent "$abc" = "!abc"
                && (not literal || RoomId.createEvent (RoomId.ofCreateEvent id) = id))

    /// All of these.
    let all = [
        serverNames
        serverNameGrammar
        serverNameParts
        userIds
        userIdParts
        hashIds
    ]
