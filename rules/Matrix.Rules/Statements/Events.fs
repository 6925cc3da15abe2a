/// What a version says of its events and its rooms, besides the authorization rules: rows that are made from its settings, so that
/// an amendment which changes a setting changes what they say.
module Matrix.Rules.Events

open Matrix.Rules.Printing

let private setting (version: RoomVersion) (name: string) : string =
    Settings.rows version.Settings |> List.find (fst >> (=) name) |> snd

/// Room ids, creators, join rules.
let rooms (version: RoomVersion) : Statement list = [
    let ids = Links.appendix "room-ids"
    Statement.valued ids "rooms.id" "What a room's id looks like." (setting version "room-ids")

    if version.Settings.RoomIds = RoomIdForm.HashOfCreate then
        Statement.plain
            (Links.room version.Page "event-format")
            "rooms.id.create"
            "The create event has no room_id, and no event has it in auth_events: the room's id names it."
    else
        Statement.plain
            ids
            "rooms.id.domain"
            "The domain keeps ids of different servers apart. It does not say that the room is still known there."

    Statement.plain
        (Links.client "mroomcreate")
        "rooms.version"
        "A room's version is what the create event has in room_version; 1, if it has none."

    Statement.valued
        (Links.client "mroomcreate")
        "rooms.creators"
        "Who counts as having created the room."
        (setting version "creators")

    Statement.valued
        (Links.client "mroomjoin_rules")
        "rooms.join-rules"
        "Join rules that mean something; private is reserved and lets nobody in."
        (setting version "join-rules")
]

/// Identifiers that events hold.
let identifiers (version: RoomVersion) : Statement list = [
    Statement.valued
        (Links.room version.Page "event-ids")
        "ids.event"
        "What an event's id is."
        (setting version "event-ids")

    Statement.plain
        (Links.appendix "user-identifiers")
        "ids.user"
        "A user's id is @localpart:domain. New ones have a localpart of a-z, 0-9 and ._=-/+ that is not empty."

    Statement.plain
        (Links.appendix "historical-user-ids")
        "ids.user.historical"
        "In events, a localpart may be empty and have any character but the colon and NUL."

    Statement.plain
        (Links.appendix "server-name")
        "ids.server"
        "A domain is a server name: a DNS name, an IPv4 address or an IPv6 address in brackets, perhaps with a port."
]

/// The members of an event.
let format (version: RoomVersion) : Statement list =
    let link = Links.room version.Page "event-format"

    [
        for field in Fields.ofSettings version.Settings do
            Statement.valued
                link
                ("event." + field.Key)
                field.Text
                (Fields.presenceWords field.Presence + ": " + Fields.shapeWords field.Shape)

        Statement.valued
            link
            "event.references"
            "How auth_events and prev_events name events."
            (setting version "references")
    ]

/// How large things may be.
let limits (version: RoomVersion) : Statement list =
    let size = Links.client "size-limits"
    let bytes (n: int) = string n + " bytes"

    [
        Statement.valued
            size
            "limits.event"
            "The event in canonical JSON, as servers exchange it, signatures included."
            (bytes Limits.EventBytes)
        Statement.valued size "limits.type" "The type." (bytes Limits.KeyBytes)
        Statement.valued size "limits.state-key" "The state key." (bytes Limits.KeyBytes)
        Statement.valued
            (Links.appendix "user-identifiers")
            "limits.user-id"
            "A user's id."
            (bytes Limits.IdentifierBytes)
        Statement.valued (Links.appendix "room-ids") "limits.room-id" "A room's id." (bytes Limits.IdentifierBytes)
        Statement.valued (Links.appendix "event-ids") "limits.event-id" "An event's id." (bytes Limits.IdentifierBytes)
        let format = Links.room version.Page "event-format"
        Statement.valued format "limits.prev-events" "Previous events." (string Limits.PrevEvents)
        Statement.valued format "limits.auth-events" "Auth events." (string Limits.AuthEvents)
        Statement.valued format "limits.depth" "The depth." (string version.Settings.MaximumDepth)
    ]

/// Canonical JSON.
let json (version: RoomVersion) : Statement list =
    let form = Links.appendix "canonical-json"
    let strict = version.Settings.Json = JsonStrictness.Strict

    [
        Statement.valued
            (Links.room version.Page "canonical-json")
            "json.strictness"
            "Whether events that cannot be written as canonical JSON are refused."
            (setting version "json")
        Statement.plain
            form
            "json.form"
            "Canonical JSON has no white space, sorts members by the code points of their names, and escapes only \
             what JSON says must be."
        if strict then
            Statement.valued
                form
                "json.numbers"
                "Numbers are integers in this range, with neither decimal point nor exponent."
                (string -Limits.Integer + " to " + string Limits.Integer)

            Statement.plain
                (Links.room version.Page "canonical-json")
                "json.refusal"
                "A client is told M_BAD_JSON; of a server's events, those that break it are dropped."
        else
            Statement.valued
                form
                "json.numbers"
                "Numbers may be floats, and integers beyond the range of canonical JSON."
                "any"
    ]

/// Content hash and reference hash.
let hashes: Statement list =
    let content = Links.server "calculating-the-content-hash-for-an-event"
    let reference = Links.server "calculating-the-reference-hash-for-an-event"

    [
        Statement.plain content "hashes.content" "The content hash covers all that the event says:"
        |> Statement.holding [
            Statement.valued
                content
                "hashes.content.removed"
                "These members are removed."
                (Words.all Signing.removedForContentHash)
            Statement.plain content "hashes.content.digest" "SHA-256 of the rest as canonical JSON."
            Statement.valued content "hashes.content.place" "Where it is kept, in unpadded Base64." "hashes.sha256"
            Statement.plain
                (Links.server "validating-hashes-and-signatures-on-received-events")
                "hashes.content.mismatch"
                "An event that does not match it is taken as if it had been redacted."
        ]
        Statement.plain reference "hashes.reference" "The reference hash covers what redaction leaves:"
        |> Statement.holding (
            [
                Statement.plain reference "hashes.reference.redacted" "The event is redacted."
                Statement.valued
                    reference
                    "hashes.reference.removed"
                    "These members are removed."
                    (Words.all Signing.removedForReferenceHash)
                Statement.plain reference "hashes.reference.canonical" "It is written as canonical JSON."
                Statement.plain reference "hashes.reference.digest" "SHA-256 of that."
            ]
            |> Statement.numbered
        )
    ]

/// Who must have signed.
let signatures (version: RoomVersion) : Statement list =
    let validating = Links.server "validating-hashes-and-signatures-on-received-events"

    [
        Statement.plain
            (Links.server "adding-hashes-and-signatures-to-outgoing-events")
            "signatures.covered"
            "A signature covers what the reference hash covers: the redacted event without signatures and unsigned."
        for requirement in Signing.requirements version.Settings do
            {
                Statement.valued validating requirement.Name requirement.Text (Words.server requirement.Server) with
                    When = requirement.When
            }
        Statement.plain
            validating
            "signatures.unknown-keys"
            "A signature by a key that is not known, or that had expired when the event was made, is passed over."
        Statement.plain
            (Links.server "verifying-the-invite")
            "signatures.third-party"
            "Of an invitation that answers a third-party one, the identity server's signature on third_party_invite.signed is checked by the \
             authorization rules."
    ]

/// How long keys are good.
let keys (version: RoomVersion) : Statement list =
    let enforced = version.Settings.KeyValidity = KeyValidity.Enforced

    let link =
        if enforced then
            Links.room version.Page "signing-key-validity-period"
        else
            Links.server "retrieving-server-keys"

    [
        Statement.valued
            link
            "keys.validity"
            "Whether the key must have been valid, by valid_until_ts, at the event's origin_server_ts."
            (setting version "key-validity")
        if enforced then
            Statement.valued
                link
                "keys.longest"
                "A key counts as valid until valid_until_ts, and never for longer than this from now."
                (string Limits.KeyDays + " days")

            Statement.plain
                link
                "keys.fetch"
                "A key that is missing is asked for: of its server, or of another one with minimum_valid_until_ts."
    ]

/// What power levels are, and who has how much.
let powerLevels (version: RoomVersion) : Statement list =
    let values = version.Settings.PowerLevelValues
    let schema = Links.client "mroompower_levels"

    // Later pages do not say again what the page of version 10 says.
    let deprecated =
        if values = PowerLevelValues.Integers then
            Links.room "10" "values-in-mroompower_levels-events-must-be-integers"
        else
            Links.room version.Page "deprecated-event-content-schemas"

    let byDefault name of' (level: int64) =
        Statement.valued schema ("power.default." + name) ("Where the room gives none: " + of') (string level)

    [
        Statement.valued
            deprecated
            "power.values"
            "Which values count as levels."
            (setting version "power-level-values")
        if values <> PowerLevelValues.Integers then
            Statement.plain
                deprecated
                "power.values.strings"
                "A string holds an integer as decimal digits, leading zeroes among them, with one sign or none before them and white space \
                 around."
        if values = PowerLevelValues.IntegersFloatsAndStrings then
            Statement.plain
                deprecated
                "power.values.floats"
                "A float loses what is behind its decimal point, after its exponent was applied. An event with one \
                 beyond a double's range is refused."
        Statement.plain
            (Links.server "definitions")
            "power.required"
            "Sending an event needs the level of its type in events; else state_default for state, events_default \
             for messages."
        Statement.plain schema "power.user" "A user has their level in users; else users_default."
        byDefault "users_default" "a user's level." DefaultLevels.Users
        byDefault "events_default" "what a message needs." DefaultLevels.Events
        byDefault "state_default" "what a state event needs." DefaultLevels.State
        byDefault "invite" "what inviting needs." DefaultLevels.Invite
        byDefault "kick" "what removing others needs." DefaultLevels.Kick
        byDefault "ban" "what banning needs." DefaultLevels.Ban
        byDefault "redact" "what redacting the events of others needs." DefaultLevels.Redact
        byDefault "notifications" "what notifying everyone needs." DefaultLevels.Notification
        Statement.valued
            schema
            "power.creators"
            "What having created the room is worth."
            (setting version "creator-power")
    ]

/// Auth events that an event must cite.
let selection (version: RoomVersion) : Statement list =
    let link = Links.server "auth-events-selection"

    Statement.plain
        link
        "selection.of-create"
        "A create event has no auth_events. Any other event has these events of the state in auth_events, where the \
         state has them:"
    :: [
        for s in version.Selections ->
            {
                Statement.valued link ("selection." + s.Name) s.Text (s.Type + " " + Words.selectionKey s.Key) with
                    When = s.When
            }
    ]

/// What redaction leaves, and when an event is redacted.
let redaction (version: RoomVersion) : Statement list =
    let link = Links.room version.Page "redactions"

    // Whether the authorization rules ask who may redact what.
    let byRules =
        Rule.all version.Authorization
        |> List.collect Rule.conditions
        |> List.collect Condition.all
        |> List.contains (Condition.TypeIs "m.room.redaction")

    // The rules of a table, as lines: what decides is the table itself.
    let rec lines (link: string) (yes: string) (no: string) (rules: Rule list) : Statement list =
        let numbers = rules |> List.exists (fun r -> Rule.outcome r <> Some Outcome.Allow)

        rules
        |> List.mapi (fun i rule ->
            let head = Rule.head rule

            let line condition value = {
                Statement.valued link head.Name head.Text value with
                    When = condition
                    Inside = lines link yes no (Rule.inside rule)
            }

            match rule with
            | Rule.Clause(_, condition, outcome, _) -> {
                line condition (if outcome = Outcome.Allow then yes else no) with
                    Number =
                        if numbers && outcome = Outcome.Allow then
                            string (i + 1)
                        else
                            ""
              }
            | Rule.Iff(_, applies, holds, _) -> line applies $"{yes} if {Words.condition holds}, else {no}"
            | Rule.Scope(_, condition, _) -> line condition ""
            | Rule.ForEach _ -> line Condition.Always (Words.whenOf rule))

    [
        Statement.valued
            link
            "kept.top-level"
            "Members of the event that stay."
            (Words.all (Set.toList version.Redaction.TopLevel))
        for name, kept in Redaction.rows version.Redaction do
            if name <> "top-level" then
                Statement.valued link ("kept." + name) ("What stays of the content of " + name + ".") kept
        Statement.plain link "kept.others" "Of the content of any other type, nothing stays."
        Statement.valued
            (Links.client "mroomredaction")
            "redaction.names"
            "Where a redaction names the event that it redacts."
            (setting version "redacts")
        Statement.plain
            (Links.room "11" "moving-the-redacts-property-of-mroomredaction-events-to-a-content-property")
            "redaction.names.for-clients"
            "Clients are shown it in both places, beside the content and in it."
        let handling =
            if byRules then
                Links.room version.Page "authorisation-rules"
            else
                Links.room version.Page "handling-redactions"

        Statement.plain
            handling
            "redaction.applied"
            (if byRules then
                 "A redaction that the authorization rules allow, which ask who may redact what:"
             else
                 "A redaction that was accepted, once the event that it redacts is known and valid too; it waits for that, and clients are \
                  shown it only if it is applied:")
        |> Statement.holding (lines handling "applied" "not applied" version.Handling)

        let client = Links.client "redactions"

        Statement.plain
            client
            "redaction.asked"
            "What a user may ask their own server to redact; every server applies that much:"
        |> Statement.holding (
            lines client "sent" "refused, with M_FORBIDDEN" Authorization.Handling.ofClients
            |> List.map (fun line -> { line with Number = "" })
        )
    ]
