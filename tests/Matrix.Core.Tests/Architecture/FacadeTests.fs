/// The seam between the halves: the host's methods have no types that only F# can make.
module Matrix.Core.Tests.FacadeTests

open System
open System.Reflection
open NUnit.Framework
open Matrix.Core.Discovery
open Matrix.Core.Facade
open Matrix.Core.Room
open Matrix.Core.Room.Incoming

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

[<Test>]
let ``No signature of the facade has a type that only F# has`` () =
    let types =
        typeof<JsonText>.Assembly.GetExportedTypes()
        |> Array.filter (fun t -> t.Namespace = "Matrix.Core.Facade")

    Assert.That(types.Length, Is.GreaterThan 1)
    Assert.That(types |> Seq.collect foreignMembers |> Seq.toList, Is.Empty)

/// The types of a folder that the host calls without the facade.
let private inFolder (ns: string) =
    typeof<JsonText>.Assembly.GetExportedTypes()
    |> Array.filter (fun t -> t.Namespace = ns)

[<Test>]
let ``No signature of federation has a type that only F# has`` () =
    let types = inFolder "Matrix.Core.Federation"
    Assert.That(types |> Array.map _.Name, Has.Member "RequestAuth")
    Assert.That(types |> Seq.collect foreignMembers |> Seq.toList, Is.Empty)

[<Test>]
let ``No signature of policy lists has a type that only F# has`` () =
    let types = inFolder "Matrix.Core.Policy"
    Assert.That(types |> Array.map _.Name, Has.Member "PolicyRules")
    Assert.That(types |> Seq.collect foreignMembers |> Seq.toList, Is.Empty)

[<Test>]
let ``No signature of device lists has a type that only F# has`` () =
    let isUnionOrRecordMember (m: string) =
        m.Contains ".CompareTo" || m.Contains ".Equals"

    let types = inFolder "Matrix.Core.DeviceLists"
    Assert.That(types |> Array.map _.Name, Has.Member "TrackedList")

    Assert.That(
        types
        |> Seq.collect foreignMembers
        |> Seq.filter (isUnionOrRecordMember >> not)
        |> Seq.toList,
        Is.Empty
    )

[<Test>]
let ``No signature of presence has a type that only F# has`` () =
    let isRecordMember (m: string) =
        m.Contains ".CompareTo" || m.Contains ".Equals"

    let types = inFolder "Matrix.Core.Presence"
    Assert.That(types |> Array.map _.Name, Has.Member "UserPresence")

    Assert.That(
        types
        |> Seq.collect foreignMembers
        |> Seq.filter (isRecordMember >> not)
        |> Seq.toList,
        Is.Empty
    )

/// The parts of the room machine that a host sees. Practices are for simulations, and a union's own members are for F#.
let private ofTheMachine = [
    typeof<ForwardExtremity>
    typeof<RoomMachine>
    typeof<Prepared>
    typeof<Adoption>
    typeof<DecidedEvent>
    typeof<KnownEvent>
    typeof<LookUps>
    typeof<CitingLookUp>
    typeof<ThirdPartyLookUp>
    typeof<RoomFacts>
    typeof<RoomResolution>
    typeof<RoomStart>
    typeof<RoomGaps>
    typeof<RoomNumbers>
    typeof<Output>
    typeof<PeerRequest>
    typeof<IncomingLimits>
]

[<Test>]
let ``No signature of the room machine that the host calls has a type that only F# has`` () =
    let found =
        ofTheMachine
        |> List.collect foreignMembers
        |> List.filter (fun m ->
            not (
                m.StartsWith "RoomMachine.WithPractices"
                || m.Contains ".CompareTo"
                || m.Contains ".Equals"
            ))

    Assert.That(found, Is.Empty)

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

[<Test>]
let ``No signature of discovery that the host calls has a type that only F# has`` () =
    Assert.That(ofDiscovery |> List.collect foreignMembers, Is.Empty)

[<Test>]
let ``Types of the facade are sealed`` () =
    let isOpen (t: Type) = t.IsClass && not t.IsSealed

    let types =
        typeof<JsonText>.Assembly.GetExportedTypes()
        |> Array.filter (fun t -> t.Namespace = "Matrix.Core.Facade" && isOpen t)

    Assert.That(types, Is.Empty)

/// Signatures that the first test must report.
type Wrong() =
    member _.Option = Some 1

    member _.Nested: System.Collections.Generic.List<Result<int, string>[]> =
        System.Collections.Generic.List()

    member _.Function(f: int -> int) = f 1
    member _.Curried (a: int) (b: int) = a + b

[<Test>]
let ``The check sees options, results and functions`` () =
    let found = foreignMembers typeof<Wrong>
    Assert.That(found, Has.Some.Contains "Wrong.Option")
    Assert.That(found, Has.Some.Contains "Wrong.Nested: FSharpResult")
    Assert.That(found, Has.Some.Contains "Wrong.Function: FSharpFunc")
