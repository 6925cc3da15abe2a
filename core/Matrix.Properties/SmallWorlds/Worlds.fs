namespace Matrix.Properties.SmallWorlds

open Matrix.Rules

/// The small worlds that there are.
[<RequireQualifiedAccess>]
module Worlds =

    /// All of them.
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
        LevelsWorld.values
    ]

    /// The world of that name.
    let tryFind (name: string) : World option =
        all |> List.tryFind (fun world -> world.Name = name)

    /// All that authorization reads of a version.
    let private reads (version: RoomVersion) =
        let s = version.Settings

        version.Authorization,
        version.Selections,
        (s.PowerLevelValues, s.Creators, s.CreatorPower, s.RoomIds, s.EventIds = EventIdForm.Assigned)

    /// Versions by what authorization reads of them: those of a group decide alike, and share a run.
    let groups (versions: RoomVersion list) : RoomVersion list list =
        versions |> List.groupBy reads |> List.map snd
