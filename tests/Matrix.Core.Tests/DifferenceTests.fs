/// The smallest cases that show how room versions differ.
[<NUnit.Framework.Category "Slow">]
module Matrix.Core.Tests.DifferenceTests

open NUnit.Framework
open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Core.Auth
open Matrix.Properties.Generators
open Matrix.Properties.Reference.Authorization
open Matrix.Properties.SmallWorlds

let private neighbours =
    Versions.withUnstable
    |> List.choose (fun v ->
        v.Parent
        |> Option.bind Versions.tryFindUnstable
        |> Option.map (fun parent -> TestCaseData(parent, v).SetName $"{parent.Id} to {v.Id}"))
    // And distant versions, in both directions.
    |> List.append [
        TestCaseData(Versions.v1, Versions.v12).SetName "1 to 12"
        TestCaseData(Versions.v12, Versions.v1).SetName "12 to 1"
        TestCaseData(Versions.v8, Versions.v7).SetName "8 to 7"
    ]

[<TestCaseSource(nameof neighbours)>]
let ``Every row that differs has a case that shows it`` (a: RoomVersion, b: RoomVersion) =
    let found = Differences.search Areas.all a b

    let missing =
        found
        |> List.filter _.Shown.IsNone
        |> List.map (fun w -> (RowChanges.row w.Change).Id)

    Assert.That(missing, Is.Empty)

    for w in found do
        match w.Shown with
        | Some(Shown.Decided apart) ->
            // Both evaluators agree, on each version's own case.
            Assert.That(AuthReference.decide apart.First, Is.EqualTo apart.FirstDecision)
            Assert.That(AuthReference.decide apart.Second, Is.EqualTo apart.SecondDecision)
            Assert.That(AuthCase.decide (AuthRules a) apart.First, Is.EqualTo apart.FirstDecision)
            Assert.That(AuthCase.decide (AuthRules b) apart.Second, Is.EqualTo apart.SecondDecision)
            Assert.That(apart.FirstDecision, Is.Not.EqualTo apart.SecondDecision)
        | Some(Shown.Redacted(_, first, second)) -> Assert.That(first.Equals second, Is.False)
        | Some(Shown.InWords(_, first, second)) -> Assert.That(first, Is.Not.EqualTo second)
        | Some(Shown.Resolved { Words = _, first, second }) -> Assert.That(first, Is.Not.EqualTo second)
        | None -> ()

let private verdicts (a: string) (b: string) (row: string) =
    let version id = Versions.tryFind id |> Option.get

    Differences.search [ Area.Authorization ] (version a) (version b)
    |> List.pick (fun w ->
        match w.Shown with
        | Some(Shown.Decided apart) when (RowChanges.row w.Change).Id = row ->
            Some(apart.FirstDecision.IsOk, apart.SecondDecision.IsOk)
        | _ -> None)

[<TestCase("11", "12", "create.additional-creators", true, false)>]
[<TestCase("11", "12", "power-levels.creators", true, false)>]
[<TestCase("11", "12", "auth-events.create", false, true)>]
[<TestCase("6", "7", "member.leave.self", false, true)>]
[<TestCase("5", "6", "power-levels.entries-before", true, false)>]
[<TestCase("9", "10", "power-levels.named", true, false)>]
let ``A case shows the verdict that a rule changed`` (a: string, b: string, row: string, first: bool, second: bool) =
    Assert.That((verdicts a b row = (first, second)), Is.True)

[<Test>]
let ``Each row is shown by a case of its own kind`` () =
    let given =
        Differences.search [ Area.Signatures ] Versions.v1 Versions.v12
        |> List.choose (fun w ->
            match w.Shown with
            | Some(Shown.InWords(given, _, _)) -> Some((RowChanges.row w.Change).Id, given)
            | _ -> None)
        |> Map.ofList

    Assert.That(given["signatures.authorising-user"], Does.StartWith "a join of")
    Assert.That(given.Values |> Seq.exists _.StartsWith("a message of"))

[<Test>]
let ``The reading of auth chains is shown by a room in which it matters`` () =
    for a, b in [ "1", "2"; "1", "11" ] do
        let version id = Versions.tryFind id |> Option.get

        let shown =
            Differences.search [ Area.StateResolution; Area.Policy ] (version a) (version b)
            |> List.tryPick (fun w ->
                if (RowChanges.row w.Change).Id = "policy.resolution.auth-chains" then
                    w.Shown
                else
                    None)

        match shown with
        | Some(Shown.Resolved { Words = given, _, second }) ->
            Assert.That(given, Does.Contain "@alice:one joins")
            Assert.That(second, Does.StartWith "m.room.join_rules resolves to $e9; if")
            Assert.That(second, Does.EndWith "m.room.join_rules resolves to $e6")
        | other -> Assert.Fail $"%A{other}"

[<Test>]
let ``A redaction that two versions handle differently is shown`` () =
    let shownIn a b =
        Differences.search [ Area.Redaction ] a b
        |> List.choose (fun w ->
            match w.Shown with
            | Some(Shown.InWords(given, first, second)) -> Some((RowChanges.row w.Change).Id, (given, first, second))
            | _ -> None)
        |> Map.ofList

    let sinceHashes = shownIn Versions.v2 Versions.v3

    // The older version's authorization checks the power, the newer version's handling.
    let _, first, second = sinceHashes["redaction.applied.power"]

    Assert.That(first, Is.EqualTo "it is accepted by redaction.power, and applied by redaction.applied.otherwise")
    Assert.That(second, Is.EqualTo "it is accepted by otherwise, and applied by redaction.applied.power")

    // The older version checks event ids, the newer one senders.
    let given, first, second = sinceHashes["redaction.applied.same-server"]
    Assert.That(given, Does.Contain "the identifier is of server one")
    Assert.That(first, Is.EqualTo "it is accepted by redaction.same-server, and applied by redaction.applied.otherwise")
    Assert.That(second, Is.EqualTo "it is accepted by otherwise, and applied by redaction.applied.same-server")

    let _, first, second = sinceHashes["redaction.applied.otherwise"]
    Assert.That(first, Does.StartWith "the redaction itself is rejected")
    Assert.That(second, Does.Contain "and not applied")

    // A version that differs only in this.
    let handling = Rule.edit (Edit.Remove "redaction.applied.same-server")

    let _, first, second =
        (shownIn Versions.v12 {
            Versions.v12 with
                Id = "org.example.by-power"
                Handling = handling Versions.v12.Handling
        })["redaction.applied.same-server"]

    Assert.That(first, Does.EndWith "applied by redaction.applied.same-server")
    Assert.That(second, Does.Contain "and not applied")
