/// The small worlds: their size, and that the cases they leave out are equivalent to others.
module Matrix.Core.Tests.SmallWorldTests

open FsCheck
open NUnit.Framework
open Matrix.Rules
open Matrix.Properties
open Matrix.Properties.Properties
open Matrix.Properties.SmallWorlds

let private oneOfEach: RoomVersion list =
    Worlds.groups Versions.all |> List.map List.head

let private properties =
    oneOfEach
    |> List.collect SmallWorldProperties.ofWorlds
    |> List.map (fun p -> TestCaseData(p).SetName p.Name)

[<TestCaseSource(nameof properties)>]
let Property (property: Property) =
    property.Run(Config.QuickThrowOnFailure.WithMaxTest 1000)

/// A world with an axis that is wrongly declared idle.
let private misjudged (name: string) (world: World) : World =
    let place = world.Axes |> Array.findIndex (fun axis -> axis.Name = name)

    {
        world with
            Idle = world.Idle |> Array.updateAt place (Some(fun _ _ -> true))
    }

[<Test>]
let ``An axis that is wrongly declared idle is noticed`` () =
    let isNoticed name world decide =
        let property =
            SmallWorldProperties.idleAxes Versions.v12 (misjudged name world) decide

        Assert.That((Checking.run 1000 1UL property).Fault.IsSome, name)

    for name in [ "sender's level"; "users_default"; "redact" ] do
        isNoticed name RedactingWorld.world SmallWorldProperties.ofRedaction

    isNoticed "sender's level" RemovalWorld.world SmallWorldProperties.decide

[<Test>]
let ``Rules that handle redactions may be nested`` () =
    let nested =
        scope "redaction.applied.of-state" "" Condition.HasStateKey [ Authorization.Handling.byPower ]

    let version = {
        Versions.v12 with
            Handling = [
                nested
                Authorization.Handling.bySameServer
                Authorization.Handling.notOtherwise
            ]
    }

    let counts = Survey.ofRedactions version
    Assert.That(counts.ContainsKey "redaction.applied.of-state", Is.False)
    Assert.That(Survey.undecidedOf version.Handling counts, Is.Empty)

let private invariants =
    (oneOfEach @ Versions.unstable)
    |> List.collect SmallWorldProperties.ofDecisions
    |> List.map (fun p -> TestCaseData(p).SetName p.Name)

[<TestCaseSource(nameof invariants)>]
let Invariant (property: Property) = property.Run Config.QuickThrowOnFailure

[<Test>]
let ``There are more than forty invariants, each with a name of its own`` () =
    let names = Invariants.all |> List.map _.Name
    Assert.That(names, Is.Unique)
    Assert.That(names.Length, Is.GreaterThan 40)

[<Test>]
let ``Versions with the same authorization share a run`` () =
    let groups =
        Worlds.groups Versions.all
        |> List.map (List.map _.Id >> String.concat " ")
        |> String.concat ", "

    Assert.That(groups, Is.EqualTo "1 2, 3 4 5, 6, 7, 8 9, 10, 11, 12")

[<Test>]
let ``One world alone has more than ten million decisions after the reduction`` () =
    let world = Worlds.tryFind "power levels" |> Option.get

    let struct (counted, _) =
        Enumeration.run world [ Versions.v1 ] Enumeration.whole ignore

    Assert.That(counted, Is.GreaterThan 10_000_000L)
    Assert.That(counted, Is.LessThan(World.rawCount world / 2L))

[<Test>]
let ``The shares of a slice make up the slice`` () =
    let world = Worlds.tryFind "removals" |> Option.get

    let visits portion =
        let struct (_, visited) = Enumeration.run world [ Versions.v12 ] portion ignore
        visited

    let slice = Enumeration.slice 7L

    Assert.That(
        visits { slice with Shares = 2 } + visits { slice with Shares = 2; Share = 1 },
        Is.EqualTo(visits slice)
    )

/// The portion that counts what it does not visit has the same cases as the one that looks at all.
[<TestCase("joins", "1", 97)>]
[<TestCase("joins", "12", 97)>]
[<TestCase("removals", "12", 97)>]
[<TestCase("creating", "11", 97)>]
[<TestCase("sending", "3", 97)>]
[<TestCase("power levels", "10", 9973)>]
let ``A slice is each n-th case of the whole`` (name: string, versionId: string, every: int64) =
    let world = Worlds.tryFind name |> Option.get
    let versions = [ Versions.tryFind versionId |> Option.get; Versions.v10 ]
    let all = ResizeArray<int[]>()
    let mutable ordinal = 0L

    let struct (counted, _) =
        Enumeration.run world versions Enumeration.whole (fun case ->
            if ordinal % every = 0L then
                all.Add(Array.copy case)

            ordinal <- ordinal + 1L)

    for shares in 1..2 do
        for share in 0 .. shares - 1 do
            let sliced = ResizeArray<int[]>()

            let portion = {
                Every = every
                Share = share
                Shares = shares
            }

            let struct (ofSlice, visited) =
                Enumeration.run world versions portion (Array.copy >> sliced.Add)

            Assert.That(ofSlice, Is.EqualTo counted)
            Assert.That(visited, Is.EqualTo(int64 sliced.Count))

            let wanted = [ for i in share..shares .. all.Count - 1 -> all[i] ]
            Assert.That(sliced, Is.EqualTo(box wanted))

[<Test>]
let ``The cases of each weight are all cases`` () =
    let world = Worlds.tryFind "creating" |> Option.get
    let mutable byWeight = 0L

    for weight in 0..30 do
        Enumeration.ofWeight world [ Versions.v12 ] weight (fun case ->
            Assert.That(World.weight world case, Is.EqualTo weight)
            byWeight <- byWeight + 1L
            false)
        |> ignore

    let struct (counted, _) =
        Enumeration.run world [ Versions.v12 ] Enumeration.whole ignore

    Assert.That(byWeight, Is.EqualTo counted)

[<Test>]
let ``The smallest witness of a ban in a room is a ban by the creator, without a power levels event`` () =
    let version = Versions.v12

    let stages =
        Worlds.all |> List.map (fun w -> w.Name, lazy Stage(Ground(w, version))) |> dict

    let witness =
        Enumeration.smallest Worlds.all [ version ] 12 (fun world case ->
            let stage = stages[world.Name].Value
            stage.Load case
            let decision = stage.Decide stage.Ground.Rules
            decision.IsOk && stage.Event.Content.Text "membership" = "ban")

    match witness with
    | Some(world, case) ->
        let stage = stages[world.Name].Value
        stage.Load case
        Assert.That(stage.Event.Sender, Is.EqualTo Universe.alice)
        Assert.That(stage.Case.State.Count, Is.EqualTo 2)
    | None -> Assert.Fail "There is none."
