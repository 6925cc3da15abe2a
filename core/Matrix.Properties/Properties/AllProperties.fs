namespace Matrix.Properties.Properties

open Matrix.Rules
open Matrix.Properties

/// Every property that there is, for those who list and run them.
[<RequireQualifiedAccess>]
module AllProperties =

    /// Those that no room version matters to, or that draw the version too.
    let ofNoVersion: Property list =
        List.concat [
            JsonProperties.all
            IdentProperties.all
            EventProperties.all
            StateTreeProperties.all
            StateStorageProperties.all
            PushProperties.all
            RoomProperties.all
            SyncProperties.all
        ]

    /// Those of a room version that are asked of drawn cases.
    let ofVersion (version: RoomVersion) : Property list =
        List.concat [
            AuthProperties.all version
            StateResProperties.all version
            StateResStepProperties.all version
            ReplayProperties.all version
            IncomingProperties.all version
            // Each check plays whole rooms; the tests ask more of them.
            RoomMachineProperties.all version |> List.map (Property.atMost 10)
            SmallWorldProperties.ofWorlds version
        ]
