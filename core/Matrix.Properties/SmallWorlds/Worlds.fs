namespace Matrix.Properties.SmallWorlds

open Matrix.Rules

/// The list of all small worlds.
[<RequireQualifiedAccess>]
module Worlds =

    /// All worlds.
    let all: World list = [
        CreateWorld.world
        CitingWorld.world
        JoinWorld.world
        InviteWorld.plain
        InviteWorld.thirdParty
        RemovalWorld.world
        MemberWorld.world
        SendingWorld.world
        LevelsWorld.world
        LevelsWorld.settings
        LevelsWorld.maps
        LevelsWorld.entries
        LevelValuesWorld.world
    ]

    /// The world of this name.
    let tryFind (name: string) : World option =
        all |> List.tryFind (fun world -> world.Name = name)

    /// Everything that authorization reads of a version.
    let private reads (version: RoomVersion) =
        let s = version.Settings

        version.Authorization,
        version.Selections,
        (s.PowerLevelValues, s.Creators, s.CreatorPower, s.RoomIds, s.EventIds = EventIdForm.Assigned)

    /// Groups of versions that share everything authorization reads. They decide alike, and share a run.
    let groups (versions: RoomVersion list) : RoomVersion list list =
        versions |> List.groupBy reads |> List.map snd
