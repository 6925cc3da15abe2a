/// One list of room versions, `Versions`: what the core keeps for each version is made of it.
module Matrix.Core.Tests.VersionRegistryTests

open Expecto
open Matrix.Testing
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Facade
open Matrix.Properties.Generators
open Matrix.Rules

let private same (expected: RoomVersion) (found: RoomVersion | null) =
    Expect.isTrue (obj.ReferenceEquals(expected, found)) expected.Id

let tests =
    testList "VersionRegistryTests" [
        test "Formats, rules and the facade have every version of the registry" {
            for version in Versions.withUnstable do
                same version (nonNull (EventFormat.ForVersion version.Id)).Version
                same version (nonNull (AuthRules.Of version.Id)).Version
                Expect.equal (nonNull (RoomRules.FindUnstable version.Id)).Id version.Id "id"
        }

        test "The facade names the versions of the registry, and no unstable one among the known" {
            let ids (versions: RoomVersion list) = versions |> List.map _.Id
            Expect.equal (List.ofSeq RoomRules.Known) (ids Versions.all) "ids"
            Expect.equal (List.ofSeq RoomRules.Unstable) (ids Versions.unstable) "ids"
            Expect.contains RoomRules.Known RoomRules.Recommended "known"

            for version in Versions.unstable do
                Expect.isNull (RoomRules.Find version.Id) version.Id
        }

        test "Generators draw events of every version of the registry" {
            Expect.equal
                (EventGen.formats |> List.map _.VersionId)
                (Versions.all |> List.map _.Id)
                "version id of formats"
        }

        test "The registry has each version once, and its parents before it" {
            let ids = Versions.withUnstable |> List.map _.Id
            Expect.isDistinct ids "ids"

            for i, version in List.indexed Versions.withUnstable do
                match version.Parent with
                | Some parent -> Expect.contains (List.truncate i ids) parent version.Id
                | None -> Expect.equal i 0 version.Id
        }

        test "A name that the registry does not have is known nowhere" {
            for id in [ ""; "0"; "13"; "org.example.unknown" ] do
                Expect.isNull (EventFormat.ForVersion id) id
                Expect.isNull (AuthRules.Of id) id
                Expect.isNull (RoomRules.FindUnstable id) id
        }
    ]
