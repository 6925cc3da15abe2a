/// The seam between the halves: the host's methods have no types that only F# can make.
module Matrix.Core.Tests.FacadeTests

open System
open System.Reflection
open Expecto
open Matrix.Testing
open Matrix.Core.Discovery
open Matrix.Core.Event
open Matrix.Core.Facade
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Graph
open Matrix.Core.Room.Incoming.Deciding

let rec private named (t: Type) : seq<Type> =
    seq {
        yield t

        match t.GetElementType() with
        | null -> ()
        | inner -> yield! named inner

        if t.IsGenericType then
            for argument in t.GetGenericArguments() do
                yield! named argument
    }

/// A type that only F# can use well: options, lists, maps, results, functions, and unit outside of return types.
let private isForeign (t: Type) =
    t.Assembly = typeof<option<int>>.Assembly

let private flags =
    BindingFlags.Public
    ||| BindingFlags.Instance
    ||| BindingFlags.Static
    ||| BindingFlags.DeclaredOnly

let private signature (m: MemberInfo) : seq<Type> =
    match m with
    | :? MethodInfo as m -> Seq.append [ m.ReturnType ] (m.GetParameters() |> Seq.map (fun p -> p.ParameterType))
    | :? ConstructorInfo as c -> c.GetParameters() |> Seq.map (fun p -> p.ParameterType)
    | :? PropertyInfo as p -> [ p.PropertyType ]
    | :? FieldInfo as f -> [ f.FieldType ]
    | _ -> []

/// The members of a type with such a type in their signatures.
let private foreignMembers (t: Type) : string list = [
    for m in t.GetMembers flags do
        for s in signature m |> Seq.collect named do
            if isForeign s then
                $"{t.Name}.{m.Name}: {s.Name}"
]

/// The types of a folder that the host calls without the facade.
let private inFolder (ns: string) =
    typeof<JsonText>.Assembly.GetExportedTypes()
    |> Array.filter (fun t -> t.Namespace = ns)

/// The parts of the room machine that a host sees. Behaviour is for simulations, and a union's own members are for F#.
let private ofTheMachine = [
    typeof<ForwardExtremity>
    typeof<UnsignedEvent>
    typeof<RoomMachine>
    typeof<Prepared>
    typeof<Adoption>
    typeof<DecidedEvent>
    typeof<KnownEvent>
    typeof<LookUps>
    typeof<CitingLookUp>
    typeof<ThirdPartyLookUp>
    typeof<LookUpResults>
    typeof<RoomResolution>
    typeof<RoomStart>
    typeof<RoomGaps>
    typeof<RoomNumbers>
    typeof<Output>
    typeof<PeerRequest>
    typeof<IncomingLimits>
]

/// The parts of discovery that a host sees.
let private ofDiscovery = [
    typeof<ServerResolution>
    typeof<Matrix.Core.Discovery.Output>
    typeof<Destination>
    typeof<EndPoint>
    typeof<ServiceRecord>
    typeof<DiscoveryLimits>
    typeof<WellKnownEntry>
    typeof<WellKnownReply>
    typeof<WellKnownLimits>
]

/// Signatures that the first test must report.
type Wrong() =
    member _.Option = Some 1

    member _.Nested: System.Collections.Generic.List<Result<int, string>[]> =
        System.Collections.Generic.List()

    member _.Function(f: int -> int) = f 1
    member _.Curried (a: int) (b: int) = a + b

let tests =
    testList "FacadeTests" [
        test "No signature of the facade has a type that only F# has" {
            let types =
                typeof<JsonText>.Assembly.GetExportedTypes()
                |> Array.filter (fun t -> t.Namespace = "Matrix.Core.Facade")

            Expect.isGreaterThan types.Length 1 "number of types"
            Expect.isEmpty (types |> Seq.collect foreignMembers |> Seq.toList) "types"
        }

        test "No signature of federation has a type that only F# has" {
            let types = inFolder "Matrix.Core.Federation"
            Expect.contains (types |> Array.map _.Name) "RequestAuth" "name of types"
            Expect.isEmpty (types |> Seq.collect foreignMembers |> Seq.toList) "types"
        }

        test "No signature of policy lists has a type that only F# has" {
            let types = inFolder "Matrix.Core.Policy"
            Expect.contains (types |> Array.map _.Name) "PolicyRules" "name of types"
            Expect.isEmpty (types |> Seq.collect foreignMembers |> Seq.toList) "types"
        }

        test "No signature of device lists has a type that only F# has" {
            let isUnionOrRecordMember (m: string) =
                m.Contains ".CompareTo" || m.Contains ".Equals"

            let types = inFolder "Matrix.Core.DeviceLists"
            Expect.contains (types |> Array.map _.Name) "TrackedList" "name of types"

            Expect.isEmpty
                (types
                 |> Seq.collect foreignMembers
                 |> Seq.filter (isUnionOrRecordMember >> not)
                 |> Seq.toList)
                "types"
        }

        test "No signature of presence has a type that only F# has" {
            let isRecordMember (m: string) =
                m.Contains ".CompareTo" || m.Contains ".Equals"

            let types = inFolder "Matrix.Core.Presence"
            Expect.contains (types |> Array.map _.Name) "UserPresence" "name of types"

            Expect.isEmpty
                (types
                 |> Seq.collect foreignMembers
                 |> Seq.filter (isRecordMember >> not)
                 |> Seq.toList)
                "types"
        }

        test "No signature of clusters has a type that only F# has" {
            let isRecordMember (m: string) =
                m.Contains ".CompareTo" || m.Contains ".Equals"

            let types = inFolder "Matrix.Core.Cluster"
            Expect.contains (types |> Array.map _.Name) "Placement" "name of types"

            Expect.isEmpty
                (types
                 |> Seq.collect foreignMembers
                 |> Seq.filter (isRecordMember >> not)
                 |> Seq.toList)
                "types"
        }

        test "No signature of the room machine that the host calls has a type that only F# has" {
            let found =
                ofTheMachine
                |> List.collect foreignMembers
                |> List.filter (fun m ->
                    not (
                        m.StartsWith "RoomMachine.WithBehaviour"
                        // The host composes and signs by `RoomRules`.
                        || m.StartsWith "UnsignedEvent.Prepare"
                        || m.StartsWith "UnsignedEvent.Sign"
                        || m.StartsWith "UnsignedEvent.References"
                        || m.Contains ".CompareTo"
                        || m.Contains ".Equals"
                    ))

            Expect.isEmpty found "found"
        }

        test "No signature of discovery that the host calls has a type that only F# has" {
            Expect.isEmpty (ofDiscovery |> List.collect foreignMembers) "of discovery"
        }

        test "Types of the facade are sealed" {
            let isOpen (t: Type) = t.IsClass && not t.IsSealed

            let types =
                typeof<JsonText>.Assembly.GetExportedTypes()
                |> Array.filter (fun t -> t.Namespace = "Matrix.Core.Facade" && isOpen t)

            Expect.isEmpty types "types"
        }

        test "The check sees options, results and functions" {
            let found = foreignMembers typeof<Wrong>
            Expect.anyContains found "Wrong.Option" "found"
            Expect.anyContains found "Wrong.Nested: FSharpResult" "found"
            Expect.anyContains found "Wrong.Function: FSharpFunc" "found"
        }
    ]
