namespace Matrix.Properties.Properties

open Matrix.Rules
open Matrix.Properties

/// Lists of every property.
[<RequireQualifiedAccess>]
module AllProperties =

    /// Properties that do not depend on the room version, or draw the version too.
    let ofNoVersion: Property list =
        List.concat [
            JsonProperties.all
            IdentProperties.all
            BackoffProperties.all
            PresenceProperties.all
            DeviceListProperties.all
            ShardProperties.all
            PlacementProperties.all
            EventProperties.all
            StateTreeProperties.all
            StateStorageProperties.all
            PushProperties.all
            RoomProperties.all
            SyncProperties.all
            SearchProperties.all
            SlidingProperties.all
            HistoryProperties.all
        ]

    /// Properties of a room version that are checked with drawn cases.
    let ofVersion (version: RoomVersion) : Property list =
        List.concat [
            AuthProperties.all version
            StateResProperties.all version
            StateResStepProperties.all version
            ReplayProperties.all version
            IncomingProperties.all version
            // Each check plays whole rooms. The tests run more checks.
            RoomMachineProperties.all version |> List.map (Property.atMost 60)
            SmallWorldProperties.ofWorlds version
            ClaimProperties.ofDrawn version
        ]
