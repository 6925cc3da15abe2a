namespace Matrix.Properties.SmallWorlds

open System.Collections.Concurrent
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
        LevelsWorld.negative
        LevelValuesWorld.world
    ]

    let private made = ConcurrentDictionary<struct (string * Set<Read>), World>()

    let private usualTypes =
        lazy
            (Set.unionMany [
                for world in all do
                    Set.ofList [ for kind in world.Kinds -> kind.Type ]

                for version in Versions.all do
                    Reads.types version
            ])

    /// The worlds, with further axes for what only clauses of these versions read of a world's events. For the versions
    /// of the specification they are the worlds themselves.
    let widened (versions: RoomVersion list) (worlds: World list) : World list =
        let types = (versions |> List.map Reads.types |> Set.unionMany) - usualTypes.Value

        worlds
        |> List.map (fun world ->
            let types =
                if world.Name = SendingWorld.world.Name then
                    List.ofSeq types
                else
                    []

            let kinds = world.Kinds @ [ for name in types -> { Type = name; Membership = "" } ]

            let besides =
                Set.unionMany [
                    for version in versions do
                        for kind in kinds do
                            Reads.besides version kind

                    Set.ofList [ for name in types -> Read.Type name ]
                ]

            if besides.IsEmpty then
                world
            else
                made.GetOrAdd(struct (world.Name, besides), (fun _ -> Widening.of' besides world)))

    /// The world of this name.
    let tryFind (name: string) : World option =
        all |> List.tryFind (fun world -> world.Name = name)

    /// Everything that authorization reads of a version.
    let private reads (version: RoomVersion) =
        let s = version.Settings

        version.Authorization,
        version.Selections,
        (s.PowerLevelValues, s.Creators, s.CreatorPower, s.RoomIds, s.EventIds = EventIdForm.Assigned),
        // Two versions that decide alike by mistake are still judged by the claims about each.
        eraOf version,
        (if version.Stability = Stability.Unstable then
             version.Id
         else
             "")

    /// Groups of versions that share everything authorization reads, and all claims about it. They decide alike, and
    /// share a run.
    let groups (versions: RoomVersion list) : RoomVersion list list =
        versions |> List.groupBy reads |> List.map snd
