namespace Matrix.Rules

open System.Collections.Generic

/// The room versions that there are, each its parent plus amendments. v1.19 rooms#complete-list-of-room-versions
[<RequireQualifiedAccess>]
module Versions =

    let private basedOn (parent: RoomVersion) (amendments: Amendment list) (id: string) : RoomVersion =
        Flatten.amend parent {
            Id = id
            Parent = parent.Id
            Stability = Stability.Stable
            Amendments = amendments
            Misprints = []
        }

    /// Room version 1.
    let v1: RoomVersion = {
        Id = "1"
        Parent = None
        Stability = Stability.Stable
        Amendments = []
        Misprints = []
        Page = "1"
        Settings = Root.settings
        Redaction = Root.redaction
        Selections = Authorization.AuthEventSelection.root
        Authorization = Authorization.Table.root
        Handling = Authorization.Handling.root
    }

    /// Room version 2.
    let v2 = "2" |> basedOn v1 [ Msc1442.stateResolution ]

    /// Room version 3.
    let v3 = "3" |> basedOn v2 [ Msc1659.eventIdsAreHashes ]

    /// Room version 4.
    let v4 = "4" |> basedOn v3 [ Msc1884.urlSafeEventIds ]

    /// Room version 5.
    let v5 = "5" |> basedOn v4 [ Msc2076.keyValidity ]

    /// Room version 6.
    let v6 =
        "6"
        |> basedOn v5 [ Msc2209.notificationLevels; Msc2432.aliasesAreOrdinary; Msc2540.strictJson ]

    /// Room version 7.
    let v7 = "7" |> basedOn v6 [ Msc2403.knocking ]

    /// Room version 8.
    let v8 = "8" |> basedOn v7 [ Msc3083.restrictedJoins ]

    /// Room version 9.
    let v9 = "9" |> basedOn v8 [ Msc3375.authorisingUserSurvives ]

    /// Room version 10.
    let v10 = "10" |> basedOn v9 [ Msc3667.integerPowerLevels; Msc3787.knockRestricted ]

    /// Room version 11.
    let v11 =
        "11"
        |> basedOn v10 [
            Msc2174.redactsInContent
            Msc2175.creatorIsSender
            Msc2176.redactionKeepsWhatRulesRead
            Msc3821.thirdPartySignedSurvives
            Msc3989.originIsRedacted
        ]

    /// Room version 12.
    let v12 =
        Flatten.amend v11 {
            Id = "12"
            Parent = "11"
            Stability = Stability.Stable
            Amendments = [
                Msc4289.privilegedCreators
                Msc4291.roomIdIsCreateHash
                Msc4297.stateResolution
            ]
            // The page skips 3.4 and has two rules 10.10.
            Misprints = [ "auth-events.elsewhere", "3.5"; "power-levels.otherwise", "10.10" ]
        }

    /// State that belongs to a user: the worked example of a version that servers do not use.
    let ownedState =
        Flatten.amend v11 {
            Id = "org.example.owned-state"
            Parent = "11"
            Stability = Stability.Unstable
            Amendments = [ Msc3757.ownedState ]
            Misprints = []
        }

    /// The versions of the specification, parents before children. Servers know them and create rooms of them.
    let all: RoomVersion list = [ v1; v2; v3; v4; v5; v6; v7; v8; v9; v10; v11; v12 ]

    /// Versions that no server uses unless its configuration names them, parents before children.
    let unstable: RoomVersion list = [ ownedState ]

    /// Every version, the unstable ones last.
    let withUnstable: RoomVersion list = all @ unstable

    /// The version of a room whose creator names none, unless the server is configured otherwise.
    let recommended: RoomVersion = v12

    /// A value for each version, unstable ones too, by identifier. Every other table by version is made by this.
    let derive (make: RoomVersion -> 'a) : Dictionary<string, 'a> =
        Dictionary(dict [ for v in withUnstable -> v.Id, make v ])

    let private byId = dict [ for v in all -> v.Id, v ]

    /// The version with this name, if this server knows it.
    let tryFind (id: string) : RoomVersion option =
        match byId.TryGetValue id with
        | true, v -> Some v
        | _ -> None

    /// Whether this server knows a version with this name.
    let isKnown (id: string) : bool = byId.ContainsKey id

    /// The version with this name, unstable ones included.
    let tryFindUnstable (id: string) : RoomVersion option =
        match tryFind id with
        | Some v -> Some v
        | None -> unstable |> List.tryFind (fun v -> v.Id = id)
