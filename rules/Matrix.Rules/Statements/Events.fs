/// The rows about events and rooms besides the authorization rules. They are made from the settings, so that an
/// amendment which changes a setting changes these rows too.
module Matrix.Rules.Events

open Matrix.Rules.Printing

let private setting (version: RoomVersion) (name: string) : string =
    Settings.rows version.Settings |> List.find (fst >> (=) name) |> snd

/// Room ids, creators, join rules.
let rooms (version: RoomVersion) : Statement list = [
    let ids = Links.appendix "room-ids"
    Statement.valued ids "rooms.id" "The form of a room's id." (setting version "room-ids")

    if version.Settings.RoomIds = RoomIdForm.HashOfCreate then
        Statement.plain
            (Links.eventFormat version.Page)
            "rooms.id.create"
            "The create event has no room_id, and no event has it in auth_events: the room's id names it."
    else
        Statement.plain
            ids
            "rooms.id.domain"
            "The domain keeps ids of different servers apart. Its server need not be in the room any more."

    Statement.plain
        (Links.client "mroomcreate")
        "rooms.version"
        "A room's version is room_version of the create event, or 1 without it."

    Statement.valued
        (Links.client "mroomcreate")
        "rooms.creators"
        "The creators of the room."
        (setting version "creators")

    Statement.valued
        (Links.client "mroomjoin_rules")
        "rooms.join-rules"
        "The join rules that have a meaning. private is reserved: nobody can join under it."
        (setting version "join-rules")
]

/// Identifiers in events.
let identifiers (version: RoomVersion) : Statement list = [
    Statement.valued
        (Links.room version.Page "event-ids")
        "ids.event"
        "The form of an event's id."
        (setting version "event-ids")

    Statement.plain
        (Links.appendix "user-identifiers")
        "ids.user"
        "A user's id is @localpart:domain. New ones have a localpart of a-z, 0-9 and ._=-/+ that is not empty."

    Statement.plain
        (Links.appendix "historical-user-ids")
        "ids.user.historical"
        "In events, a localpart may be empty and have any character except the colon and NUL."

    Statement.plain
        (Links.appendix "server-name")
        "ids.server"
        "A domain is a server name: a DNS name, an IPv4 address or an IPv6 address in brackets, optionally with a port."
]

/// The members of an event.
let format (version: RoomVersion) : Statement list =
    let link = Links.eventFormat version.Page

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

/// Limits of sizes and counts.
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
        let format = Links.eventFormat version.Page
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
            "Whether events that are not canonical JSON are refused."
            (setting version "json")
        Statement.plain
            form
            "json.form"
            "Canonical JSON has no white space, sorts members by the code points of their names, and escapes only \
             what JSON requires."
        if strict then
            Statement.valued
                form
                "json.numbers"
                "Numbers are integers in this range, with neither decimal point nor exponent."
                (string -Limits.Integer + " to " + string Limits.Integer)

            Statement.plain
                (Links.room version.Page "canonical-json")
                "json.refusal"
                "A client's request that breaks it gets M_BAD_JSON; another server's event that breaks it is dropped."
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
        Statement.plain content "hashes.content" "The content hash covers the whole event:"
        |> Statement.holding [
            Statement.valued
                content
                "hashes.content.removed"
                "These members are removed."
                (Words.all Signing.removedForContentHash)
            Statement.plain content "hashes.content.digest" "It is the SHA-256 of the rest as canonical JSON."
            Statement.valued
                content
                "hashes.content.place"
                "The member that holds it, in unpadded Base64."
                "hashes.sha256"
            Statement.plain
                (Links.server "validating-hashes-and-signatures-on-received-events")
                "hashes.content.mismatch"
                "An event that does not match its content hash is redacted before it is processed."
        ]
        Statement.plain reference "hashes.reference" "The reference hash covers the redacted event:"
        |> Statement.holding (
            [
                Statement.plain reference "hashes.reference.redacted" "The event is redacted."
                Statement.valued
                    reference
                    "hashes.reference.removed"
                    "These members are removed."
                    (Words.all Signing.removedForReferenceHash)
                Statement.plain reference "hashes.reference.canonical" "It is written as canonical JSON."
                Statement.plain reference "hashes.reference.digest" "It is the SHA-256 of the result."
            ]
            |> Statement.numbered
        )
    ]

/// Required signatures.
let signatures (version: RoomVersion) : Statement list =
    let validating = Links.server "validating-hashes-and-signatures-on-received-events"

    [
        Statement.plain
            (Links.server "adding-hashes-and-signatures-to-outgoing-events")
            "signatures.covered"
            "A signature covers the same bytes as the reference hash: the redacted event without signatures and \
             unsigned."
        for requirement in Signing.requirements version.Settings do
            {
                Statement.valued validating requirement.Name requirement.Text (Words.server requirement.Server) with
                    When = requirement.When
            }
        Statement.plain
            validating
            "signatures.unknown-keys"
            "A signature by a key that is not known, or that had expired when the event was made, is ignored."
        Statement.plain
            (Links.server "verifying-the-invite")
            "signatures.third-party"
            "The authorization rules check the identity server's signature on third_party_invite.signed of an \
             invitation that redeems a third-party one."
    ]

/// Validity of keys.
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
                "A key counts as valid until valid_until_ts, but never longer than this from now."
                (string Limits.KeyDays + " days")

            Statement.plain
                link
                "keys.fetch"
                "A missing key is fetched from its server, or from another server with minimum_valid_until_ts."
    ]

/// Power levels, and the power of users.
let powerLevels (version: RoomVersion) : Statement list =
    let values = version.Settings.PowerLevelValues
    let schema = Links.client "mroompower_levels"

    // Later pages do not repeat what the page of version 10 says.
    let deprecated =
        if values = PowerLevelValues.Integers then
            Links.room "10" "values-in-mroompower_levels-events-must-be-integers"
        else
            Links.room version.Page "deprecated-event-content-schemas"

    let byDefault name of' (level: int64) =
        Statement.valued schema ("power.default." + name) ("Default: " + of') (string level)

    [
        Statement.valued
            deprecated
            "power.values"
            "The values that count as levels."
            (setting version "power-level-values")
        if values <> PowerLevelValues.Integers then
            Statement.plain
                deprecated
                "power.values.strings"
                "A string may hold an integer: decimal digits, with optional leading zeroes, an optional sign, and \
                 white space around it."
        if values = PowerLevelValues.IntegersFloatsAndStrings then
            Statement.plain
                deprecated
                "power.values.floats"
                "A float is truncated at its decimal point, after its exponent is applied. An event with a float \
                 beyond a double's range is refused."
        Statement.plain
            (Links.server "definitions")
            "power.required"
            "Sending an event requires the level of its type in events, or else state_default for state and \
             events_default for messages."
        Statement.plain schema "power.user" "A user's level is that in users, or else users_default."
        byDefault "users_default" "a user's level." DefaultLevels.Users
        byDefault "events_default" "the level required for a message." DefaultLevels.Events
        byDefault "state_default" "the level required for a state event." DefaultLevels.State
        byDefault "invite" "the level required to invite." DefaultLevels.Invite
        byDefault "kick" "the level required to remove others." DefaultLevels.Kick
        byDefault "ban" "the level required to ban." DefaultLevels.Ban
        byDefault "redact" "the level required to redact the events of others." DefaultLevels.Redact
        byDefault "notifications" "the level required to notify everyone." DefaultLevels.Notification
        Statement.valued schema "power.creators" "The power of a creator." (setting version "creator-power")
    ]

/// The events that an event must have in `auth_events`.
let selection (version: RoomVersion) : Statement list =
    let link = Links.server "auth-events-selection"

    Statement.plain
        link
        "selection.of-create"
        "A create event has no auth_events. Any other event has these events of the state in auth_events, if the \
         state has them:"
    :: [
        for s in version.Selections ->
            {
                Statement.valued link ("selection." + s.Name) s.Text (s.Type + " " + Words.selectionKey s.Key) with
                    When = s.When
            }
    ]

/// The members that redaction keeps, and when an event is redacted.
let redaction (version: RoomVersion) : Statement list =
    let link = Links.room version.Page "redactions"

    // Whether the authorization rules decide who may redact.
    let byRules =
        Rule.all version.Authorization
        |> List.collect Rule.conditions
        |> List.collect Condition.all
        |> List.contains (Condition.TypeIs "m.room.redaction")

    // The rules of a table as rows; the table itself decides.
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
            "The members of the event that are kept."
            (Words.all (Set.toList version.Redaction.TopLevel))
        for name, kept in Redaction.rows version.Redaction do
            if name <> "top-level" then
                Statement.valued link ("kept." + name) ("The content of " + name + " that is kept.") kept
        Statement.plain link "kept.others" "The content of any other type is emptied."
        Statement.valued
            (Links.client "mroomredaction")
            "redaction.names"
            "The place where a redaction names the event that it redacts."
            (setting version "redacts")
        Statement.plain
            (Links.room "11" "moving-the-redacts-property-of-mroomredaction-events-to-a-content-property")
            "redaction.names.for-clients"
            "Clients receive it in both places, beside the content and in it."
        let handling =
            if byRules then
                Links.room version.Page "authorisation-rules"
            else
                Links.room version.Page "handling-redactions"

        Statement.plain
            handling
            "redaction.applied"
            (if byRules then
                 "A redaction that the authorization rules allow; they decide who may redact:"
             else
                 "A redaction that was accepted, once the event that it redacts is also known and valid. Until then \
                  it waits, and clients receive it only if it is applied:")
        |> Statement.holding (lines handling "applied" "not applied" version.Handling)

        let client = Links.client "redactions"

        Statement.plain
            client
            "redaction.asked"
            "Which redactions a user's own server accepts from the user; every server applies these:"
        |> Statement.holding (
            lines client "sent" "refused, with M_FORBIDDEN" Authorization.Handling.ofClients
            |> List.map (fun line -> { line with Number = "" })
        )
    ]
