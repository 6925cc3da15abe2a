/// One list of room versions, `Versions`: what the core keeps for each version is made of it.
module Matrix.Core.Tests.VersionRegistryTests

open NUnit.Framework
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Facade
open Matrix.Properties.Generators
open Matrix.Rules

let private same (expected: RoomVersion) (found: RoomVersion | null) =
    Assert.That(obj.ReferenceEquals(expected, found), Is.True, expected.Id)

[<Test>]
let ``Formats, rules and the facade have every version of the registry`` () =
    for version in Versions.withUnstable do
        same version (nonNull (EventFormat.ForVersion version.Id)).Version
        same version (nonNull (AuthRules.Of version.Id)).Version
        Assert.That((nonNull (RoomRules.FindUnstable version.Id)).Id, Is.EqualTo version.Id)

[<Test>]
let ``The facade names the versions of the registry, and no unstable one among the known`` () =
    let ids (versions: RoomVersion list) = versions |> List.map _.Id
    Assert.That((List.ofSeq RoomRules.Known = ids Versions.all))
    Assert.That((List.ofSeq RoomRules.Unstable = ids Versions.unstable))
    Assert.That(RoomRules.Known, Does.Contain RoomRules.Recommended)

    for version in Versions.unstable do
        Assert.That(RoomRules.Find version.Id, Is.Null, version.Id)

[<Test>]
let ``Generators draw events of every version of the registry`` () =
    Assert.That((EventGen.formats |> List.map _.VersionId) = (Versions.all |> List.map _.Id))

[<Test>]
let ``The registry has each version once, and its parents before it`` () =
    let ids = Versions.withUnstable |> List.map _.Id
    Assert.That(ids, Is.Unique)

    for i, version in List.indexed Versions.withUnstable do
        match version.Parent with
        | Some parent -> Assert.That(List.truncate i ids, Does.Contain parent, version.Id)
        | None -> Assert.That(i, Is.Zero, version.Id)

[<Test>]
let ``A name that the registry does not have is known nowhere`` () =
    for id in [ ""; "0"; "13"; "org.example.unknown" ] do
        Assert.That(EventFormat.ForVersion id, Is.Null, id)
        Assert.That(AuthRules.Of id, Is.Null, id)
        Assert.That(RoomRules.FindUnstable id, Is.Null, id)
