/// Server-Server API, "Resolving server names": the steps of the page, sentence by sentence.
module Matrix.Core.Tests.ResolutionTests

open Expecto
open Matrix.Testing
open Matrix.Core.Discovery
open Matrix.Core.Tests.Internet

/// Requests go to these end points, with this header and a certificate for this name.
let private reaches
    (endPoints: string list)
    (header: string)
    (certificate: string)
    (isForAddress: bool)
    (resolved: Resolved)
    =
    let destination = resolved.Destination
    Expect.equal resolved.EndPoints endPoints "end points"
    Expect.equal destination.HostHeader header "host header"
    Expect.equal destination.CertificateName certificate "certificate name"
    Expect.equal destination.CertificateIsForAddress isForAddress "certificate is for address"

let private requested (requests: Request list) (resolved: Resolved) =
    Expect.equal resolved.Requests requests "requests"

let private faulted (fault: DiscoveryFault) (resolved: Resolved) =
    Expect.equal resolved.Output.Fault fault "fault"
    Expect.isTrue (isNull (box resolved.Output.Destination)) "destination"

let private org = "example.org"
let private fed = "_matrix-fed._tcp.example.org"
let private old = "_matrix._tcp.example.org"

let private wellKnown = Request.WellKnown org
let private orgHasAddress = empty |> hasAddresses org [ "192.0.2.1" ]

let tests =
    testList "ResolutionTests" [
        // Step 1.

        testTheory "1: an IP literal is used with its port or 8448, and its certificate is for the address" [
            "192.0.2.7", "192.0.2.7", 8448
            "192.0.2.7:80", "192.0.2.7", 80
            "[2001:db8::1]", "2001:db8::1", 8448
            "[2001:db8::1]:80", "2001:db8::1", 80
        ]
        <| fun (name, address, port) ->
            let resolved = resolve empty name
            resolved |> reaches [ $"{address} {port}" ] name address true
            resolved |> requested []

        testTheory "1: the numbers of an IPv4 literal are decimal, leading zeros or not" [
            "010.0.0.008", "10.0.0.8"
            "[::ffff:010.0.0.1]", "::ffff:10.0.0.1"
        ]
        <| fun (name, address) -> resolve empty name |> reaches [ $"{address} 8448" ] name address true

        // Step 2.

        test "2: a name with a port is resolved to its addresses, without well-known and SRV" {
            let internet =
                orgHasAddress
                |> delegates org "elsewhere.example"
                |> hasServices fed [ service 0 0 1 "elsewhere.example" ]

            let resolved = resolve internet "example.org:443"
            resolved |> reaches [ "192.0.2.1 443" ] "example.org:443" org false
            resolved |> requested [ Request.Addresses org ]
        }

        test "2: the name may be an alias" {
            resolve (orgHasAddress |> isAlias org) "example.org:443"
            |> reaches [ "192.0.2.1 443" ] "example.org:443" org false
        }

        test "2: an explicit port of 8448 is a port too" {
            resolve orgHasAddress "example.org:8448"
            |> reaches [ "192.0.2.1 8448" ] "example.org:8448" org false
        }

        // Step 3.

        test "3: a name without a port is first looked up at its well-known address" {
            let machine = ServerResolution.Of(1UL, DiscoveryLimits.Default)
            let output = machine.Receive [| Input.Resolve org |]
            Expect.equal output.Requests [| wellKnown |] "requests"
        }

        testTheory "3-1: a delegated IP literal is used with its port or 8448, and the Host header has it" [
            "192.0.2.9", 8448
            "192.0.2.9:99", 99
        ]
        <| fun (server, port) ->
            let resolved = resolve (empty |> delegates org server) org
            resolved |> reaches [ $"192.0.2.9 {port}" ] server "192.0.2.9" true
            resolved |> requested [ wellKnown ]

        testTheory "3-1: a delegated IPv6 literal has brackets in the Host header, and none in the certificate" [
            "[2001:db8::9]", 8448
            "[2001:db8::9]:99", 99
        ]
        <| fun (server, port) ->
            resolve (empty |> delegates org server) org
            |> reaches [ $"2001:db8::9 {port}" ] server "2001:db8::9" true

        test "3-2: a delegated name with a port is resolved to its addresses, and the Host header has the port" {
            let internet =
                empty
                |> delegates org "m.example:99"
                |> hasAddresses "m.example" [ "192.0.2.2" ]
                |> isAlias "m.example"
                |> hasServices "_matrix-fed._tcp.m.example" [ service 0 0 1 "other.example" ]

            let resolved = resolve internet org
            resolved |> reaches [ "192.0.2.2 99" ] "m.example:99" "m.example" false
            resolved |> requested [ wellKnown; Request.Addresses "m.example" ]
        }

        test "3-3: a delegated name without a port is found by its matrix-fed service" {
            let internet =
                empty
                |> delegates org "m.example"
                |> hasServices "_matrix-fed._tcp.m.example" [ service 0 0 7000 "host.example" ]
                |> hasServices "_matrix._tcp.m.example" [ service 0 0 1 "old.example" ]
                |> hasAddresses "host.example" [ "192.0.2.3" ]

            let resolved = resolve internet org
            resolved |> reaches [ "192.0.2.3 7000" ] "m.example" "m.example" false

            resolved
            |> requested [
                wellKnown
                Request.Services "_matrix-fed._tcp.m.example"
                Request.Addresses "host.example"
            ]
        }

        test "3-4: without a matrix-fed service, a delegated name is found by its matrix service" {
            let internet =
                empty
                |> delegates org "m.example"
                |> hasServices "_matrix._tcp.m.example" [ service 0 0 7000 "host.example" ]
                |> hasAddresses "host.example" [ "192.0.2.3" ]

            resolve internet org
            |> reaches [ "192.0.2.3 7000" ] "m.example" "m.example" false
        }

        test "3-5: without SRV records, a delegated name is resolved to its addresses and port 8448" {
            let internet =
                empty
                |> delegates org "m.example"
                |> hasAddresses "m.example" [ "192.0.2.2" ]
                |> isAlias "m.example"

            let resolved = resolve internet org
            resolved |> reaches [ "192.0.2.2 8448" ] "m.example" "m.example" false

            resolved
            |> requested [
                wellKnown
                Request.Services "_matrix-fed._tcp.m.example"
                Request.Services "_matrix._tcp.m.example"
                Request.Addresses "m.example"
            ]
        }

        test "3: delegation is followed once: a delegated name has no well-known of its own" {
            let internet =
                empty
                |> delegates org "m.example"
                |> delegates "m.example" "third.example"
                |> hasAddresses "m.example" [ "192.0.2.2" ]

            resolve internet org
            |> reaches [ "192.0.2.2 8448" ] "m.example" "m.example" false
        }

        test "3: a name may delegate to itself" {
            resolve (orgHasAddress |> delegates org org) org
            |> reaches [ "192.0.2.1 8448" ] org org false
        }

        // Steps 4 to 6.

        test "4: after a well-known error, a server is found by its matrix-fed service" {
            let internet =
                orgHasAddress
                |> hasServices fed [ service 0 0 7000 "host.example" ]
                |> hasServices old [ service 0 0 1 "old.example" ]
                |> hasAddresses "host.example" [ "192.0.2.3" ]

            let resolved = resolve internet org
            resolved |> reaches [ "192.0.2.3 7000" ] org org false

            resolved
            |> requested [ wellKnown; Request.Services fed; Request.Addresses "host.example" ]
        }

        test "5: without a matrix-fed service, a server is found by its matrix service" {
            let internet =
                orgHasAddress
                |> hasServices old [ service 0 0 7000 "host.example" ]
                |> hasAddresses "host.example" [ "192.0.2.3" ]

            resolve internet org |> reaches [ "192.0.2.3 7000" ] org org false
        }

        test "6: without SRV records, the addresses of the name are used with port 8448" {
            let resolved = resolve (orgHasAddress |> isAlias org) org
            resolved |> reaches [ "192.0.2.1 8448" ] org org false

            resolved
            |> requested [ wellKnown; Request.Services fed; Request.Services old; Request.Addresses org ]
        }

        // SRV records.

        test "Targets are tried by priority, each with all its addresses and its own port" {
            let internet =
                empty
                |> hasServices fed [ service 20 0 2 "b.example"; service 10 0 1 "a.example" ]
                |> hasAddresses "a.example" [ "192.0.2.1"; "192.0.2.2" ]
                |> hasAddresses "b.example" [ "192.0.2.3" ]

            resolve internet org
            |> reaches [ "192.0.2.1 1"; "192.0.2.2 1"; "192.0.2.3 2" ] org org false
        }

        test "The target of an SRV record may not be an alias" {
            let internet =
                empty
                |> hasServices fed [ service 0 0 7000 "host.example" ]
                |> hasAddresses "host.example" [ "192.0.2.3" ]
                |> isAlias "host.example"

            resolve internet org |> faulted (DiscoveryFault.TargetIsAlias "host.example")
        }

        test "A target that is an alias is left out, and the next is used" {
            let internet =
                empty
                |> hasServices fed [ service 0 0 1 "alias.example"; service 1 0 2 "host.example" ]
                |> hasAddresses "alias.example" [ "192.0.2.4" ]
                |> hasAddresses "host.example" [ "192.0.2.3" ]
                |> isAlias "alias.example"

            resolve internet org |> reaches [ "192.0.2.3 2" ] org org false
        }

        testTheory "The target of the root says that there is no service, and nothing else is tried" [ "."; "" ]
        <| fun target ->
            let internet =
                orgHasAddress
                |> hasServices fed [ service 0 0 0 target ]
                |> hasServices old [ service 0 0 1 org ]

            let resolved = resolve internet org
            resolved |> faulted (DiscoveryFault.NoService fed)
            resolved |> requested [ wellKnown; Request.Services fed ]

        testTheory "A target must be a host name" [ "192.0.2.1"; "[::1]"; "a b"; "host.example:80"; "127.1" ]
        <| fun target ->
            resolve (empty |> hasServices fed [ service 0 0 1 target ]) org
            |> faulted (DiscoveryFault.NoService fed)

        testTheory "A target must have a port" [ 0; 65536 ]
        <| fun port ->
            resolve (empty |> hasServices fed [ service 0 0 port "host.example" ]) org
            |> faulted (DiscoveryFault.NoService fed)

        test "A target may be written with the dot of the root" {
            let internet =
                empty
                |> hasServices fed [ service 0 0 1 "host.example." ]
                |> hasAddresses "host.example" [ "192.0.2.3" ]

            resolve internet org |> reaches [ "192.0.2.3 1" ] org org false
        }

        test "Two ports of one target are both tried, and its addresses are looked up once" {
            let internet =
                empty
                |> hasServices fed [ service 0 0 1 "host.example"; service 1 0 2 "host.example" ]
                |> hasAddresses "host.example" [ "192.0.2.3" ]

            let resolved = resolve internet org
            resolved |> reaches [ "192.0.2.3 1"; "192.0.2.3 2" ] org org false

            resolved
            |> requested [ wellKnown; Request.Services fed; Request.Addresses "host.example" ]
        }

        // Addresses.

        test "IPv6 and IPv4 addresses are tried by turns, IPv6 first" {
            let internet =
                empty
                |> hasAddresses org [ "192.0.2.1"; "192.0.2.2"; "192.0.2.3"; "2001:db8::1"; "2001:db8::2" ]

            resolve internet "example.org:1"
            |> reaches
                [
                    "2001:db8::1 1"
                    "192.0.2.1 1"
                    "2001:db8::2 1"
                    "192.0.2.2 1"
                    "192.0.2.3 1"
                ]
                "example.org:1"
                org
                false
        }

        test "A name without an address has no destination" {
            resolve empty org |> faulted (DiscoveryFault.NoAddress org)
        }

        test "Lookups without an answer are a fault of their own, for SRV records and for addresses" {
            resolve (orgHasAddress |> isSilent fed) org
            |> faulted (DiscoveryFault.LookupFailed(fed, "SERVFAIL"))

            resolve (orgHasAddress |> isSilent old) org
            |> faulted (DiscoveryFault.LookupFailed(old, "SERVFAIL"))

            resolve (orgHasAddress |> isSilent org) org
            |> faulted (DiscoveryFault.LookupFailed(org, "SERVFAIL"))
        }

        test "A target without an answer does not keep the others from being used" {
            let internet =
                empty
                |> hasServices fed [ service 0 0 1 "silent.example"; service 1 0 2 "host.example" ]
                |> hasAddresses "host.example" [ "192.0.2.3" ]
                |> isSilent "silent.example"

            resolve internet org |> reaches [ "192.0.2.3 2" ] org org false
        }

        test "If no target has an address, the fault is the one that may pass" {
            let internet =
                empty
                |> hasServices fed [ service 0 0 1 "nowhere.example"; service 1 0 2 "silent.example" ]
                |> isSilent "silent.example"

            let resolved = resolve internet org
            resolved |> faulted (DiscoveryFault.LookupFailed("silent.example", "SERVFAIL"))
            Expect.isTrue resolved.Fault.IsTemporary "is temporary"
        }

        // Names.

        testTheory "A name that no host can have is refused before any request" [
            ""
            "a b"
            "example.org:"
            "example.org:0"
            "example.org:65536"
            "example.org:123456"
            "[::1"
            "[::1]x"
            "example..org"
            "example.org."
            "."
            "127.1"
            "2130706433"
            "0x7f.0x1"
            "1.2.3.400"
        ]
        <| fun name ->
            let resolved = resolve empty name
            resolved |> faulted (DiscoveryFault.InvalidName name)
            resolved |> requested []

        test "Labels have up to 63 characters, and names up to 253" {
            let label n = System.String('a', n)

            let long n =
                String.concat "." [ label 63; label 63; label 63; label n ]

            let isRefused name =
                (resolve empty (name + ":1")).Requests.IsEmpty

            Expect.equal [ isRefused (label 63); isRefused (label 64) ] [ false; true ] "is refused"
            Expect.equal [ isRefused (long 61); isRefused (long 62) ] [ false; true ] "is refused"
        }

        test "A name that is too long for the SRV prefix has no SRV records" {
            let label n = System.String('a', n)
            let name = String.concat "." [ label 63; label 63; label 63; label 50 ]
            let internet = empty |> hasAddresses name [ "192.0.2.1" ]
            let resolved = resolve internet name
            resolved |> reaches [ "192.0.2.1 8448" ] name name false
            resolved |> requested [ Request.WellKnown name; Request.Addresses name ]
        }

        test "A server name keeps its case" {
            resolve (empty |> hasAddresses "Example.ORG" [ "192.0.2.1" ]) "Example.ORG:1"
            |> reaches [ "192.0.2.1 1" ] "Example.ORG:1" "Example.ORG" false
        }

        // The machine.

        test "A response that nobody requested is ignored" {
            let machine = ServerResolution.Of(1UL, DiscoveryLimits.Default)
            let first = machine.Receive [| Input.Resolve org |]

            let stray =
                machine.Receive [|
                    Input.Responded(Request.Addresses org, Response.Addresses([| "192.0.2.1" |], false))
                    Input.Responded(Request.WellKnown "other.example", Response.Delegated "192.0.2.1")
                |]

            Expect.hasLength first.Requests 1 "requests"
            Expect.isEmpty stray.Requests "requests"
            Expect.isTrue (isNull (box stray.Destination) && isNull (box stray.Fault)) "destination"
        }

        test "Records, targets and end points are bounded" {
            let names = [ for i in 1..100 -> $"host{i}.example" ]

            let internet =
                (empty, names)
                ||> List.fold (fun internet name ->
                    internet
                    |> hasAddresses name [ for i in 1..5 -> $"192.0.2.{i + 5 * names.Length}" ])
                |> hasServices fed [ for name in names -> service 0 0 1 name ]

            let limits = {
                Records = 50
                Targets = 4
                EndPoints = 3
            }

            let resolved = resolveWith 1UL limits id internet org
            Expect.hasLength resolved.Requests (2 + 4) "requests"
            Expect.hasLength resolved.EndPoints 3 "end points"
        }
    ]
