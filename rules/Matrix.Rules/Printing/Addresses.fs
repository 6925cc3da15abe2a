namespace Matrix.Rules.Printing

open Matrix.Rules

/// A sentence of the specification, or an item of a list, as of the release that the tables follow.
type Address = {
    /// The page as the site has it, such as `rooms/v12`, or a schema's file.
    Page: string
    /// The anchor of the heading; "" in a schema's file.
    Section: string
    /// The place under the heading: `list 2.5.3.1` is item 5.3.1 of its second list, `paragraph 3.2` the second
    /// sentence of its third paragraph, `property depth` a property's description. Without a further number all of a
    /// list is meant. Lists are counted by position, whatever number the page prints.
    Item: string
}

/// Finds the sentence of a row.
[<RequireQualifiedAccess>]
module Addresses =

    /// The file of the property that says whether keys expire.
    let private keys = "data/api/server-server/definitions/keys.yaml"

    /// In which order the pages list the types whose content redaction keeps.
    let private kept (version: RoomVersion) (kind: string) : string =
        let order =
            [
                "m.room.member"
                "m.room.create"
                "m.room.join_rules"
                "m.room.power_levels"
                "m.room.aliases"
                "m.room.history_visibility"
                "m.room.redaction"
            ]
            |> List.filter version.Redaction.Content.ContainsKey

        match List.tryFindIndex ((=) kind) order with
        | Some i -> $"list 2.{i + 1}"
        | None -> "list 2"

    /// The paragraph that empties all other content: pages that changed redactions say so before it.
    let private keptOthers (version: RoomVersion) : string =
        match version.Page with
        | "8"
        | "9"
        | "11" -> "paragraph 4.1"
        | "6" -> "paragraph 3.1"
        | _ -> "paragraph 2.1"

    /// Places that are the same wherever the row's link leads.
    let private fixedItems: Map<string, string> =
        Map [
            "rooms.id.domain", "paragraph 6.4"
            "rooms.id.create", "property room_id"
            "rooms.version", "property content.room_version"
            "rooms.join-rules", "list 1"
            "ids.user", "paragraph 2.2"
            "ids.user.historical", "paragraph 1.3"
            "ids.server", "paragraph 3.2"
            "event.hashes", "property hashes.sha256"
            "event.references", "property auth_events"
            "limits.event", "paragraph 1.1"
            "limits.type", "list 1.4"
            "limits.state-key", "list 1.3"
            "limits.user-id", "paragraph 4.1"
            "limits.room-id", "paragraph 6.6"
            "limits.event-id", "paragraph 3.1"
            "limits.prev-events", "property prev_events"
            "limits.auth-events", "property auth_events"
            "limits.depth", "property depth"
            "json.strictness", "paragraph 1.1"
            "json.form", "paragraph 2.1"
            "json.refusal", "paragraph 1.2"
            "hashes.content", "paragraph 1.1"
            "hashes.content.removed", "paragraph 2.1"
            "hashes.content.digest", "paragraph 2.2"
            "hashes.content.mismatch", "paragraph 7.2"
            "hashes.reference", "paragraph 1.1"
            "hashes.reference.redacted", "list 1.1"
            "hashes.reference.removed", "list 1.2"
            "hashes.reference.canonical", "list 1.3"
            "hashes.reference.digest", "list 1.4"
            "signatures.covered", "paragraph 2.1"
            "signatures.sender", "paragraph 3.1"
            "signatures.event-id", "paragraph 3.2"
            "signatures.unknown-keys", "paragraph 3.3"
            "signatures.third-party", "paragraph 3.1"
            "keys.validity", "paragraph 1.1"
            "keys.longest", "paragraph 2.1"
            "keys.fetch", "paragraph 1.2"
            "power.required", "paragraph 2.3"
            "power.user", "paragraph 2.2"
            "power.default.users_default", "paragraph 2.3"
            "power.default.notifications", "property content.notifications.room"
            "selection.of-create", "paragraph 1.2"
            "selection.create", "list 1.1"
            "selection.power-levels", "list 1.2"
            "selection.sender", "list 1.3"
            "selection.target", "list 1.4.1"
            "selection.join-rules", "list 1.4.2"
            "selection.third-party-invite", "list 1.4.3"
            "selection.authorising-user", "list 1.4.4"
            "kept.top-level", "list 1"
            "redaction.applied", "paragraph 2.2"
            "redaction.applied.power", "list 1.1"
            "redaction.applied.same-server", "list 1.2"
            "redaction.applied.otherwise", "paragraph 4.2"
            "redaction.asked", "paragraph 2.1"
            "state.after.message", "list 1.1"
            "state.after.state", "list 1.2"
            "state.before", "paragraph 2.1"
            "state.v1.conflict", "paragraph 4.1"
            "state.v1.unconflicted", "list 2.1"
            "state.v1.power-levels", "list 2.2"
            "state.v1.power-levels.order", "list 2.2.2"
            "state.v1.power-levels.first", "list 2.2.3"
            "state.v1.power-levels.next", "list 2.2.4"
            "state.v1.join-rules", "list 2.3"
            "state.v1.members", "list 2.4"
            "state.v1.others", "list 2.5"
        ]

    /// The definitions and steps of state resolution since version 2. The subgraph is a paragraph among them.
    let private resolution (version: RoomVersion) (name: string) : (string * string) option =
        let steps = version.Settings.StateResolution.Steps

        let more =
            if List.contains (ResolutionStep.Gather ConflictedPart.Subgraph) steps then
                1
            else
                0

        let definition n sentence =
            Some("definitions", $"paragraph {n}.{sentence}")

        match name with
        | "state.algorithm" when version.Settings.StateResolution.IsByType -> Some("state-resolution", "paragraph 3.1")
        | "state.algorithm"
        | "state.resolve" -> Some("algorithm", "paragraph 1.1")
        | "state.power-events" -> definition 2 2
        | "state.unconflicted" -> definition 3 5
        | "state.auth-chain" -> definition 5 2
        | "state.auth-difference" -> definition 6 2
        | "state.conflicted-subgraph" -> definition 7 3
        | "state.full-conflicted-set" -> definition (7 + more) 2
        | "state.power-ordering" -> definition (8 + more) 2
        | "state.power-ordering.first" -> Some("definitions", "list 1.1")
        | "state.power-ordering.time" -> Some("definitions", "list 1.2")
        | "state.power-ordering.id" -> Some("definitions", "list 1.3")
        | "state.mainline" -> definition (10 + more) 5
        | "state.mainline-position" -> Some("definitions", "list 2")
        | "state.mainline-ordering" -> definition (13 + more) 1
        | "state.mainline-ordering.first" -> Some("definitions", "list 3.1")
        | "state.mainline-ordering.time" -> Some("definitions", "list 3.2")
        | "state.mainline-ordering.id" -> Some("definitions", "list 3.3")
        | "state.auth-checks" -> definition (14 + more) 2
        | "state.resolve.power-events" -> Some("algorithm", "list 1.1")
        | "state.resolve.check-power-events" -> Some("algorithm", "list 1.2")
        | "state.resolve.others" -> Some("algorithm", "list 1.3")
        | "state.resolve.check-others" -> Some("algorithm", "list 1.4")
        | "state.resolve.unconflicted" -> Some("algorithm", "list 1.5")
        | "state.rejected" -> Some("rejected-events", "paragraph 1.1")
        | _ -> None

    /// The item of an authorization rule; the rules are the second list of their section.
    let private ruleItem (version: RoomVersion) (name: string) : string option =
        Flatten.numbered version
        |> List.tryFind (fun item -> item.Name = name && item.Number <> "")
        |> Option.map (fun item -> "list 2." + item.At)

    /// Sentences that are elsewhere than where the row's link leads.
    let private elsewhere (version: RoomVersion) (name: string) : Address option =
        let settings = version.Settings
        let page = "rooms/v" + version.Page

        let at page section item =
            Some {
                Page = page
                Section = section
                Item = item
            }

        let powerLevels = at "client-server-api" "mroompower_levels"

        match name with
        | "hashes.content.place" ->
            at "server-server-api" "adding-hashes-and-signatures-to-outgoing-events" "paragraph 1.2"
        | "signatures.authorising-user" ->
            ruleItem version "member.authorised.signature"
            |> Option.bind (at page "authorisation-rules")
        | "keys.validity" when settings.KeyValidity = KeyValidity.NotEnforced -> at keys "" "property valid_until_ts"
        | "power.values"
        | "power.values.strings" when settings.PowerLevelValues <> PowerLevelValues.Integers ->
            let item = if name = "power.values" then "paragraph 1.1" else "list 1"
            at page "mroompower_levels-events-accept-values-as-strings" item
        | "power.values.floats" -> at page "mroompower_levels-events-accept-values-as-floats" "list 1"
        | "redaction.asked.own" -> powerLevels "paragraph 6.1"
        | "redaction.asked.power"
        | "redaction.asked.otherwise" -> powerLevels "paragraph 6.2"
        | "redaction.names.for-clients" ->
            at
                "rooms/v11"
                "moving-the-redacts-property-of-mroomredaction-events-to-a-content-property"
                (if settings.Redacts = RedactsPlace.TopLevel then
                     "paragraph 3.1"
                 else
                     "paragraph 2.1")
        | _ ->
            resolution version name
            |> Option.bind (fun (section, item) -> at page section item)

    /// The item under the heading where the row's link leads.
    let private item (version: RoomVersion) (row: Row) : string option =
        let settings = version.Settings
        let strict = settings.Json = JsonStrictness.Strict
        // Whether the authorization rules decide who may redact.
        let redaction = ruleItem version "redaction"

        match row.Id with
        | _ when row.Area = Area.Authorization -> ruleItem version row.Id
        | "redaction.applied"
        | "redaction.applied.otherwise" when redaction.IsSome -> redaction
        | "rooms.id" ->
            Some(
                if settings.RoomIds = RoomIdForm.HashOfCreate then
                    "paragraph 7.1"
                else
                    "paragraph 5.1"
            )
        | "rooms.creators" ->
            Some(
                if settings.Creators = Creators.SenderAndAdditional then
                    "property content.additional_creators"
                else
                    "property content.creator"
            )
        | "ids.event" ->
            Some(
                if settings.EventIds = EventIdForm.Assigned then
                    "paragraph 1.2"
                else
                    "paragraph 1.1"
            )
        | "json.numbers" -> Some(if strict then "paragraph 2.2" else "note 1.paragraph 1.1")
        | "power.values" -> Some "paragraph 2.1"
        | "power.creators" ->
            Some(
                if settings.CreatorPower = CreatorPower.HundredAtFirst then
                    "paragraph 2.4"
                else
                    "property content.users_default"
            )
        | "redaction.names" ->
            Some(
                if settings.Redacts = RedactsPlace.TopLevel then
                    "property redacts"
                else
                    "property content.redacts"
            )
        | "kept.others" -> Some(keptOthers version)
        | name ->
            match Map.tryFind name fixedItems with
            | Some item -> Some item
            | None when name.StartsWith "kept." -> Some(kept version (name.Substring 5))
            | None when name.StartsWith "event." -> Some("property " + name.Substring 6)
            | None when name.StartsWith "power.default." -> Some("property content." + name.Substring 14)
            | None -> None

    /// Whether the specification has a row's sentence: policies are this server's own, and so are readings.
    let isExpected (row: Row) : bool =
        row.Area <> Area.Policy && (row.Area <> Area.Authorization || row.Number <> "")

    /// The sentence of a row of a version that has a page.
    let private ofPage (version: RoomVersion) (row: Row) : Address option =
        if not (isExpected row) then
            None
        else
            match elsewhere version row.Id, Links.tryPage row.Link with
            | Some address, _ -> Some address
            | None, Some(page, section) ->
                item version row
                |> Option.map (fun item -> {
                    Page = page
                    Section = section
                    Item = item
                })
            | None, None -> None

    /// The sentences of a version's rows, in reading order. A version without a page has those of the rows that it
    /// shares with the version whose page describes it.
    let ofVersion (areas: Area list) (version: RoomVersion) : (Row * Address option) list =
        let pageVersion =
            Versions.tryFindUnstable version.Page |> Option.defaultValue version

        let described =
            Map.ofList [
                for area in areas do
                    for row in Rows.ofArea pageVersion area -> (area, row.Id), ofPage pageVersion row
            ]

        [
            for area in areas do
                for row in Rows.ofArea version area ->
                    row, described |> Map.tryFind (area, row.Id) |> Option.defaultValue None
        ]
