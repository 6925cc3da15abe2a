namespace Matrix.Core.Ident

open System

/// The kind of the host in a server name.
[<RequireQualifiedAccess>]
type HostKind =
    | IPv4
    | IPv6
    | Dns

/// Server names: a DNS name or an address literal, with an optional port. v1.19 appendices#server-name
[<RequireQualifiedAccess>]
module ServerName =

    let private isDigit (c: char) = c >= '0' && c <= '9'

    let private isDnsChar (c: char) =
        isDigit c
        || (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || c = '-'
        || c = '.'

    let private isIPv6Char (c: char) =
        isDigit c
        || (c >= 'a' && c <= 'f')
        || (c >= 'A' && c <= 'F')
        || c = ':'
        || c = '.'

    let private all (is: char -> bool) (s: ReadOnlySpan<char>) =
        let mutable i = 0

        while i < s.Length && is s[i] do
            i <- i + 1

        i = s.Length

    /// Four numbers of one to three digits, separated by dots.
    let private looksLikeIPv4 (s: ReadOnlySpan<char>) =
        let mutable points = 0
        let mutable digits = 0
        let mutable ok = true

        for i in 0 .. s.Length - 1 do
            if isDigit s[i] then
                digits <- digits + 1
                ok <- ok && digits <= 3
            elif s[i] = '.' && digits > 0 then
                points <- points + 1
                digits <- 0
            else
                ok <- false

        ok && points = 3 && digits > 0

    let private isIPv4 (s: ReadOnlySpan<char>) =
        let mutable value = 0
        let mutable ok = looksLikeIPv4 s

        for i in 0 .. s.Length - 1 do
            if s[i] = '.' then
                value <- 0
            else
                value <- value * 10 + (int s[i] - int '0')
                ok <- ok && value <= 255

        ok

    /// Eight groups of one to four hexadecimal digits, or fewer around one `::`; the last two may be an IPv4 address.
    let private isIPv6 (s: ReadOnlySpan<char>) =
        let mutable ok = s.Length >= 2 && s.Length <= 45 && all isIPv6Char s
        let mutable groups = 0
        let mutable compressed = false
        let mutable i = 0

        if ok && s[0] = ':' then
            ok <- s[1] = ':'

        while ok && i < s.Length do
            if s[i] = ':' then
                if i + 1 < s.Length && s[i + 1] = ':' then
                    i <- i + 2
                    ok <- not compressed && (i = s.Length || s[i] <> ':')
                    compressed <- true
                else
                    // A single colon separates groups: one precedes it, one must follow.
                    i <- i + 1
                    ok <- i < s.Length && s[i] <> ':'
            else
                let mutable e = i

                while e < s.Length && s[e] <> ':' do
                    e <- e + 1

                let group = s.Slice(i, e - i)

                if group.IndexOf '.' >= 0 then
                    ok <- e = s.Length && isIPv4 group
                    groups <- groups + 2
                else
                    ok <- group.Length <= 4
                    groups <- groups + 1

                i <- e

        ok && (if compressed then groups <= 7 else groups = 8)

    /// The end of the host, its kind, and whether the name is well formed.
    let private split (s: ReadOnlySpan<char>) : struct (int * HostKind * bool) =
        let hostEnd =
            if s.Length > 0 && s[0] = '[' then
                s.IndexOf ']' + 1
            else
                let colon = s.IndexOf ':'
                if colon < 0 then s.Length else colon

        let host = s.Slice(0, hostEnd)

        let struct (kind, ok) =
            if host.Length > 0 && host[0] = '[' then
                struct (HostKind.IPv6, isIPv6 (host.Slice(1, host.Length - 2)))
            elif isIPv4 host then
                struct (HostKind.IPv4, true)
            else
                // Four numbers that are no address are still a name by the grammar, though nobody can register it.
                struct (HostKind.Dns, host.Length >= 1 && host.Length <= 255 && all isDnsChar host)

        let portOk =
            hostEnd = s.Length
            || (s[hostEnd] = ':'
                && (let port = s.Slice(hostEnd + 1)
                    port.Length >= 1 && port.Length <= 5 && all isDigit port))

        struct (hostEnd, kind, ok && portOk)

    /// Whether this is a server name, by the grammar. Case matters.
    let isValidSpan (s: ReadOnlySpan<char>) : bool =
        // An IPv6 literal without its closing bracket has no host.
        if s.Length > 0 && s[0] = '[' && s.IndexOf ']' < 0 then
            false
        else
            let struct (_, _, ok) = split s
            ok

    /// Whether this is a server name, by the grammar. Case matters.
    [<CompiledName "IsValid">]
    let isValid (s: string) : bool = isValidSpan (s.AsSpan())

    /// The same string, if it is valid.
    let check (s: string) : Result<string, IdentError> =
        if isValid s then Ok s else Error(IdentError.ServerName s)

    /// The parts of a valid server name: host (an IPv6 literal with its brackets), port (0 if none is given) and kind.
    let parts (s: string) : Result<struct (string * int * HostKind), IdentError> =
        if not (isValid s) then
            Error(IdentError.ServerName s)
        else
            let struct (hostEnd, kind, _) = split (s.AsSpan())

            let port =
                if hostEnd = s.Length then
                    0
                else
                    Int32.Parse(s.AsSpan(hostEnd + 1), Globalization.CultureInfo.InvariantCulture)

            Ok(struct (s.Substring(0, hostEnd), port, kind))
