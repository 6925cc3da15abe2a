/// RFC 2782: priorities and weights; properties of a resolution.
module Matrix.Core.Tests.ServiceOrderTests

open FsCheck
open FsCheck.FSharp
open Expecto
open Matrix.Testing
open Matrix.Core.Discovery
open Matrix.Core.Tests.Internet

let private genRecord =
    gen {
        let! priority = Gen.choose (0, 3)
        let! weight = Gen.frequency [ 1, Gen.constant 0; 3, Gen.choose (0, 65535) ]
        let! port = Gen.choose (1, 65535)
        let! host = Gen.elements [ "a.example"; "b.example"; "c.example"; "d.example" ]
        return service priority weight port host
    }

let private genRecords = Gen.arrayOf genRecord
let private genSeed = ArbMap.defaults |> ArbMap.generate<uint64>

let private check property =
    Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, property)

/// How often each target comes first, of 10,000 orders.
let private firsts records =
    let counts =
        [| 0UL .. 9_999UL |]
        |> Array.countBy (fun seed ->
            let ordered = ServiceOrder.order (seed * 0x2545F4914F6CDD1DUL) records
            ordered[0].Target)

    let byTarget = Map.ofArray counts
    fun target -> byTarget.TryFind target |> Option.defaultValue 0

/// A world in which some of everything exists.
let private genInternet =
    gen {
        let hosts = [ "example.org"; "a.example"; "b.example"; "c.example"; "d.example" ]

        let server =
            Gen.elements [
                "a.example"
                "a.example:1"
                "192.0.2.1"
                "[2001:db8::1]:2"
                "127.1"
                "example.org"
            ]

        let! wellKnown = Gen.optionOf server
        let! services = Gen.listOf (Gen.zip (Gen.elements hosts) (Gen.listOf genRecord))
        let! isFed = ArbMap.defaults |> ArbMap.generate<bool>

        let address =
            Gen.elements [ "192.0.2.1"; "192.0.2.2"; "2001:db8::1"; "2001:db8::2" ]

        let! addresses = Gen.listOf (Gen.zip (Gen.elements hosts) (Gen.listOf address))
        let! aliases = Gen.listOf (Gen.elements hosts)

        let! silent =
            Gen.frequency [ 4, Gen.constant []; 1, Gen.listOf (Gen.elements hosts) ]

        let prefix = if isFed then "_matrix-fed._tcp." else "_matrix._tcp."

        return {
            WellKnown =
                match wellKnown with
                | Some server -> Map [ "example.org", server ]
                | None -> Map.empty
            Services = Map [ for host, records in services -> prefix + host, records ]
            Addresses = Map addresses
            Aliases = set aliases
            Silent = set silent
        }
    }

let tests =
    testList "ServiceOrderTests" [
        test "The order has the same records, by rising priority, and follows from the number" {
            Prop.forAll (Arb.fromGen (Gen.zip genSeed genRecords)) (fun (seed, records) ->
                let ordered = ServiceOrder.order seed records

                Array.sort ordered = Array.sort records
                && ordered
                   |> Array.pairwise
                   |> Array.forall (fun (a, b) -> a.Priority <= b.Priority)
                && ordered = ServiceOrder.order seed records)
            |> check
        }

        test "A target comes first in proportion to its weight" {
            let share = firsts [| service 0 60 1 "a"; service 0 30 1 "b"; service 0 10 1 "c" |]
            Expect.isBetween (share "a") (5700, 6300) "share"
            Expect.isBetween (share "b") (2700, 3300) "share"
            Expect.isBetween (share "c") (800, 1200) "share"
        }

        test "A target with weight 0 beside others has a small chance, and is not excluded" {
            let share = firsts [| service 0 99 1 "a"; service 0 0 1 "b" |]
            Expect.isBetween (share "b") (40, 180) "share"
        }

        test "A record with a higher priority number never comes first" {
            let share = firsts [| service 1 65535 1 "late"; service 0 0 1 "early" |]
            Expect.equal (share "early") 10_000 "share"
        }

        test "A resolution ends with a destination or a fault, within its bounds, in any order of responses" {
            let limits = DiscoveryLimits.Default

            Prop.forAll (Arb.fromGen (Gen.zip genSeed genInternet)) (fun (seed, internet) ->
                let resolved = resolveWith seed limits id internet "example.org"
                let reversed = resolveWith seed limits Array.rev internet "example.org"
                let found = not (isNull (box resolved.Output.Destination))
                let faulted = not (isNull (box resolved.Output.Fault))

                found <> faulted
                && resolved.Output = reversed.Output
                && resolved.Requests.Length <= 3 + limits.Targets
                && List.distinct resolved.Requests = resolved.Requests
                && (faulted
                    || (resolved.EndPoints.Length >= 1
                        && resolved.EndPoints.Length <= limits.EndPoints
                        && List.distinct resolved.EndPoints = resolved.EndPoints)))
            |> check
        }

        test "The certificate is for the server name or the delegated one, never for the target of a record" {
            Prop.forAll (Arb.fromGen (Gen.zip genSeed genInternet)) (fun (seed, internet) ->
                let resolved = resolveWith seed DiscoveryLimits.Default id internet "example.org"

                let name =
                    internet.WellKnown.TryFind "example.org" |> Option.defaultValue "example.org"

                match resolved.Output.Destination with
                | null -> true
                | destination ->
                    (destination.HostHeader = name || destination.HostHeader = "example.org")
                    && destination.HostHeader.Contains destination.CertificateName)
            |> check
        }
    ]
