/// The root of all versions: everything but the authorization rules of room version 1. All other versions are
/// amendments of it.
module Matrix.Rules.Root

/// The settings of room version 1: event format, identifiers and others.
let settings: Settings = {
    EventIds = EventIdForm.Assigned
    References = EventReferences.IdsWithHashes
    Json = JsonStrictness.Lenient
    MaximumDepth = System.Int64.MaxValue
    RoomIds = RoomIdForm.WithDomain
    StateResolution = StateResolutionAlgorithm.V1
    KeyValidity = KeyValidity.NotEnforced
    PowerLevelValues = PowerLevelValues.IntegersFloatsAndStrings
    Creators = Creators.ContentCreator
    CreatorPower = CreatorPower.HundredAtFirst
    Redacts = RedactsPlace.TopLevel
    JoinRules = [ JoinRule.Public; JoinRule.Invite; JoinRule.Private ]
    ExtraSigners = [ ExtraSigner.EventIdServer ]
}

/// v1.19 rooms/v1#redactions
let redaction: RedactionTable =
    let keys names =
        KeptContent.Paths(names |> List.map List.singleton |> List.sort)

    {
        TopLevel =
            set [
                "event_id"
                "type"
                "room_id"
                "sender"
                "state_key"
                "content"
                "hashes"
                "signatures"
                "depth"
                "prev_events"
                "prev_state"
                "auth_events"
                "origin"
                "origin_server_ts"
                "membership"
            ]
        Content =
            Map [
                "m.room.member", keys [ "membership" ]
                "m.room.create", keys [ "creator" ]
                "m.room.join_rules", keys [ "join_rule" ]
                "m.room.power_levels",
                keys [
                    "ban"
                    "events"
                    "events_default"
                    "kick"
                    "redact"
                    "state_default"
                    "users"
                    "users_default"
                ]
                "m.room.aliases", keys [ "aliases" ]
                "m.room.history_visibility", keys [ "history_visibility" ]
            ]
    }
