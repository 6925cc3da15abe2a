namespace Matrix.Core.Discovery

open System
open System.Globalization
open Matrix.Core.Ident

/// The parts of a server name that resolution needs.
[<RequireQualifiedAccess>]
type internal ServerHost =
    /// An address literal, without brackets.
    | Literal of address: string * port: int voption
    /// A DNS name.
    | Named of host: string * port: int voption

[<RequireQualifiedAccess>]
module internal ServerHost =

    /// The longest DNS name as text, without the dot of the root. RFC 1035, section 2.3.4.
    [<Literal>]
    let MaxNameLength = 253

    /// The longest label of a DNS name.
    [<Literal>]
    let MaxLabelLength = 63

    let private isDigit (c: char) = c >= '0' && c <= '9'

    let private isHexDigit (c: char) =
        isDigit c || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')

    /// Whether some readers take a label for a number. As the last one, it makes the whole name an IPv4 address to
    /// them: 127.1, 2130706433, 0x7f.1.
    let private isNumber (label: string) =
        String.forall isDigit label
        || (label.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            && String.forall isHexDigit (label.Substring 2))

    /// Whether a DNS name of the grammar can be the name of a host.
    let isHostName (name: string) : bool =
        let labels = name.Split '.'

        name.Length <= MaxNameLength
        && labels
           |> Array.forall (fun label -> label.Length >= 1 && label.Length <= MaxLabelLength)
        && not (isNumber labels[labels.Length - 1])

    /// Four decimal numbers without leading zeros, which some readers take for a sign of octal numbers.
    let private plainIPv4 (address: string) =
        address.Split '.'
        |> Array.map (fun part -> Int32.Parse(part, CultureInfo.InvariantCulture).ToString CultureInfo.InvariantCulture)
        |> String.concat "."

    let private plainIPv6 (address: string) =
        if address.Contains '.' then
            let last = address.LastIndexOf ':' + 1
            address.Substring(0, last) + plainIPv4 (address.Substring last)
        else
            address

    /// The host and port of a server name; none if it is not valid, or no host can have this name.
    let parse (serverName: string) : ServerHost voption =
        match ServerName.parts serverName with
        | Error _ -> ValueNone
        | Ok(struct (host, number, kind)) ->
            let port =
                if host.Length = serverName.Length then
                    ValueNone
                else
                    ValueSome number

            match port with
            | ValueSome p when p < 1 || p > 65535 -> ValueNone
            | _ ->
                match kind with
                | HostKind.IPv4 -> ValueSome(ServerHost.Literal(plainIPv4 host, port))
                | HostKind.IPv6 -> ValueSome(ServerHost.Literal(plainIPv6 (host.Substring(1, host.Length - 2)), port))
                | HostKind.Dns when isHostName host -> ValueSome(ServerHost.Named(host, port))
                | HostKind.Dns -> ValueNone
