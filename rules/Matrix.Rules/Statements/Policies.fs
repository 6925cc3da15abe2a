/// Decisions of this server that the specification leaves open: local policy, each as a row of its own.
module Matrix.Rules.Policies

let private readings = Links.decision "0004-where-the-rules-leave-room"
let private numbers = Links.decision "0001-minus-zero-exponents-floats"

/// The policies that apply to a version.
let statements (version: RoomVersion) : Statement list =
    let settings = version.Settings
    let code = "core/Matrix.Core/Event/"

    [
        Statement.valued
            (code + "PduFields.fs")
            "policy.identifier-bytes"
            "Whether the limits of identifiers, types and state keys are enforced in this version too, though old \
             rooms may have longer ones."
            "enforced"
        Statement.plain
            (code + "PduFields.fs")
            "policy.references"
            "Ids in auth_events and prev_events must have the right sigil and length; an id of another form names an \
             event that nobody can find."
        Statement.valued (code + "PduFields.fs") "policy.depth" "The least depth." "0"
        Statement.valued
            "core/Matrix.Core/Json/Reading.fs"
            "policy.nesting"
            "The greatest nesting of objects and lists in an event."
            (string Limits.Nesting)
        Statement.plain (code + "EventLimits.fs") "policy.unsigned" "unsigned is not counted in an event's size."
        Statement.plain
            "core/Matrix.Core/Json/Reading.fs"
            "policy.duplicate-keys"
            "If a member is given twice, the last one counts; a lone surrogate is refused."
        if settings.Json = JsonStrictness.Strict then
            Statement.plain
                numbers
                "policy.numbers"
                "The value of a number counts, not its spelling: -0 is 0, and 1e10 is an integer; 1.0 is refused."
        else
            Statement.plain
                numbers
                "policy.numbers"
                "Floats are written with the fewest digits that read back the same, so that old hashes hold; \
                 integers beyond 64 bits become floats."
        Statement.plain readings "policy.power-levels.users-absent" "Power levels without users are accepted."
        Statement.plain
            readings
            "policy.join-rule"
            "Without join rules, or with a join rules event without a join_rule, the join rule is invite; under an \
             unknown join rule nobody can join."
        if settings.PowerLevelValues <> PowerLevelValues.Integers then
            Statement.plain
                readings
                "policy.power-levels.malformed"
                "A malformed level in the current power levels counts as missing."
        Statement.valued
            "core/Matrix.Core/Auth/LevelValues.fs"
            "policy.power-levels.range"
            "The greatest level. A greater level counts as this one, and a level below its negative as its negative."
            (string Limits.Power)
        Statement.plain
            readings
            "policy.first-join"
            "The only previous event is a create event if it is the create event of the state."
        Statement.plain
            readings
            "policy.added-levels"
            "An added entry has no value before; only existing values are compared."
        Statement.plain
            readings
            "policy.named-entry"
            "Of several altered entries, a rejection names the first: named levels in the page's order, then map by \
             map, by key."
        Statement.plain
            readings
            "policy.resolution.signatures"
            "While states are resolved, signatures count as valid: the events were checked when they were received."
        if not settings.StateResolution.IsByType then
            Statement.plain
                readings
                "policy.resolution.auth-chains"
                "An event's auth chain is followed to any distance, also through events that are not in conflict."
    ]
