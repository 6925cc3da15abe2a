namespace Matrix.Properties.Properties

open FsCheck
open FsCheck.FSharp
open Matrix.Core.Json
open Matrix.Core.Push
open Matrix.Core.Sync
open Matrix.Properties
open Matrix.Properties.Generators

/// Filters, history visibility, unread counts.
module SyncProperties =

    let private orNull (s: string option) : string | null =
        match s with
        | Some s -> s
        | None -> null

    /// `*` is any sequence of characters, everything else itself.
    let rec private wildcard (pattern: char list) (text: char list) : bool =
        match pattern, text with
        | [], [] -> true
        | '*' :: rest, _ ->
            wildcard rest text
            || (match text with
                | [] -> false
                | _ :: later -> wildcard pattern later)
        | p :: rest, t :: later when p = t -> wildcard rest later
        | _ -> false

    let private strings name (o: JsonObject) : string list option =
        match o.TryFind name with
        | ValueSome(Json.Array items) ->
            Some [
                for item in items do
                    match item with
                    | Json.String s -> s
                    | _ -> ()
            ]
        | _ -> None

    /// The sentences of the definition, one after another.
    let private admits (filter: JsonObject) (event: FilteredEvent) : bool =
        let isType t =
            wildcard (List.ofSeq (t: string)) (List.ofSeq event.Type)

        let on name (test: string -> bool) =
            strings name filter |> Option.map (List.exists test)

        on "types" isType <> Some false
        && on "not_types" isType <> Some true
        && on "senders" (fun s -> event.Sender = Some s) <> Some false
        && on "not_senders" (fun s -> event.Sender = Some s) <> Some true
        && on "rooms" ((=) event.RoomId) <> Some false
        && on "not_rooms" ((=) event.RoomId) <> Some true
        && (match filter.TryFind "contains_url" with
            | ValueSome(Json.Bool wanted) -> wanted = event.HasUrl
            | _ -> true)

    /// Event filters agree with their definition.
    let eventFilters =
        Property.forAll
            "sync.filter.literal"
            "A filter admits exactly the events that its definition, read sentence by sentence, admits."
            (Gen.zip SyncGen.eventFilter (Gen.listOfLength 8 SyncGen.event))
            (fun (json, events) ->
                match (EventFilter.Parse json).Result with
                | Error _ -> false
                | Ok filter ->
                    events
                    |> List.forall (fun e ->
                        let passes =
                            filter.AdmitsRoom e.RoomId && filter.Admits(e.Type, orNull e.Sender, e.HasUrl)

                        passes = admits json e
                        && (not filter.AdmitsAll || not (filter.AdmitsRoom e.RoomId) || passes)
                        && (filter.LooksAtUrl
                            || filter.Admits(e.Type, orNull e.Sender, true) =
                                filter.Admits(e.Type, orNull e.Sender, false))
                        && (filter.AdmitsType e.Type || not passes)))

    /// Filters of sync are read part by part.
    let syncFilters =
        Property.forAll
            "sync.filter.parts"
            "Every well-formed filter is read, and each part of it is the filter that its JSON describes."
            (Gen.zip SyncGen.syncFilter SyncGen.event)
            (fun (json, e) ->
                let inner (names: string list) =
                    (json, names)
                    ||> List.fold (fun o name ->
                        match o.TryFind name with
                        | ValueSome(Json.Object inner) -> inner
                        | _ -> JsonObject.Empty)

                let like (filter: EventFilter) names =
                    (filter.AdmitsRoom e.RoomId && filter.Admits(e.Type, orNull e.Sender, e.HasUrl)) =
                        admits (inner names) e

                match (SyncFilter.Parse json).Result with
                | Error _ -> false
                | Ok filter ->
                    like filter.Presence [ "presence" ]
                    && like filter.AccountData [ "account_data" ]
                    && like filter.Ephemeral [ "room"; "ephemeral" ]
                    && like filter.State [ "room"; "state" ]
                    && like filter.Timeline [ "room"; "timeline" ]
                    && like filter.RoomAccountData [ "room"; "account_data" ]
                    // The object `room` has the lists of rooms, and no other lists.
                    && filter.AdmitsRoom e.RoomId = admits (inner [ "room" ]) e)

    /// Malformed filters are refused.
    let wrongFilters =
        Property.forAll
            "sync.filter.refused"
            "A filter with one wrong value is refused, and the error names the path of that value."
            SyncGen.wrongFilter
            (fun (place, json) ->
                match (SyncFilter.Parse json).Result with
                | Ok _ -> false
                | Error e -> e.Path = place)

    let rec private covered (paths: string list list) (o: JsonObject) : (string * Json) list = [
        for struct (name, value) in o.Members do
            let here =
                paths |> List.filter (fun p -> List.tryHead p = Some name) |> List.map List.tail

            if List.contains [] here then
                name, value
            elif not here.IsEmpty then
                match value with
                | Json.Object inner ->
                    match covered here inner with
                    | [] -> ()
                    | left -> name, Json.Object(JsonObject.OfSeq(left |> List.map (fun (k, v) -> struct (k, v))))
                | _ -> ()
    ]

    let private fieldEvent =
        let leaf =
            Gen.elements [ Json.Int 1L; Json.String "x"; Json.Array [||]; Json.Object JsonObject.Empty ]

        let name = Gen.elements [ "content"; "type"; "a"; "a.b"; "m\\x"; "body"; "other" ]

        let rec object depth =
            Gen.listOf (
                Gen.zip
                    name
                    (if depth = 0 then
                         leaf
                     else
                         Gen.oneof [ leaf; Gen.map Json.Object (object (depth - 1)) ])
            )
            |> Gen.map (List.truncate 5 >> List.map (fun (k, v) -> struct (k, v)) >> JsonObject.OfSeq)

        object 2

    /// `event_fields` keeps the named fields only.
    let fields =
        Property.forAll
            "sync.filter.fields"
            "An event reduced by `event_fields` has exactly the values under the requested paths."
            (Gen.zip (Gen.nonEmptyListOf SyncGen.fieldPath) fieldEvent)
            (fun (paths, event) ->
                let json =
                    Json.Array [| for p in paths -> Json.String(PropertyPath.render (List.toArray p)) |]

                match (SyncFilter.Parse(JsonObject.OfSeq [ struct ("event_fields", json) ])).Result with
                | Error _ -> false
                | Ok filter ->
                    match filter.Fields with
                    | null -> false
                    | mask ->
                        let expected =
                            JsonObject.OfSeq(covered paths event |> List.map (fun (k, v) -> struct (k, v)))

                        (mask.Apply event).Equals expected)

    let private setting =
        Gen.elements [
            None
            Some "world_readable"
            Some "shared"
            Some "invited"
            Some "joined"
            Some "?"
        ]

    let private membership =
        Gen.elements [
            None
            Some "join"
            Some "invite"
            Some "leave"
            Some "ban"
            Some "knock"
            Some "?"
        ]

    /// The specification's list, in its order.
    let private listed (setting: string option) (membership: string option) (joinedLater: bool) =
        let setting =
            match setting with
            | Some("world_readable" | "invited" | "joined" as known) -> known
            | _ -> "shared"

        if setting = "world_readable" then
            true
        elif membership = Some "join" then
            true
        elif setting = "shared" && joinedLater then
            true
        elif membership = Some "invite" && setting = "invited" then
            true
        else
            false

    /// History visibility agrees with the specification's list.
    let visibility =
        Property.forAll
            "sync.visibility.literal"
            "A user sees an event if the specification's list allows it at the event; where the event changes the \
             setting or the user's own membership, it is enough that the list allows it before or after."
            (gen {
                let! s = setting
                let! m = membership
                let! s' = setting
                let! m' = membership
                let! what = Gen.elements [ 0; 1; 2 ]
                let! joinedLater = Gen.elements [ true; false ]
                // An event changes the setting, the membership, or neither.
                return s, (if what = 1 then s' else s), m, (if what = 2 then m' else m), joinedLater
            })
            (fun (s, s', m, m', joinedLater) ->
                let sees =
                    HistoryVisibility.MaySee(VisibilityFacts(orNull s, orNull s', orNull m, orNull m', joinedLater))

                sees = (listed s m joinedLater || listed s' m' joinedLater))

    let private bits (cls: int) = cls &&& 1, cls >>> 1

    /// Items as the store returns them: one for the result stored for most users, and one for a user's difference from
    /// it.
    let private items (events: UnreadEvent list) : UnreadItem list = [
        for e in events do
            let n, h = bits e.ForMost
            let n', h' = bits e.ForUser

            if e.ForMost <> 0 then
                {
                    UnreadItem.Event = e.Number
                    Thread = e.Thread
                    Notifications = n
                    Highlights = h
                }

            if e.ForUser <> e.ForMost then
                {
                    UnreadItem.Event = e.Number
                    Thread = e.Thread
                    Notifications = n' - n
                    Highlights = h' - h
                }
    ]

    let private positions (readings: ReadAction list) =
        (ReadPositions.Since 0L, readings)
        ||> List.fold (fun read reading ->
            match reading with
            | ReadAll through -> read.ReadAll through
            | ReadThread(thread, through) -> read.ReadThread(thread, through))

    let private isRead (readings: ReadAction list) (e: UnreadEvent) =
        readings
        |> List.exists (fun reading ->
            match reading with
            | ReadAll through -> e.Number <= through
            | ReadThread(thread, through) -> e.Thread = thread && e.Number <= through)

    /// Unread counts agree with the user's own rules.
    let unread =
        Property.forAll
            "sync.unread.literal"
            "The counts stored for most users plus the user's differences equal, by thread, the notifications and \
             highlights that the user's own rules give for the events that no receipt covers."
            SyncGen.reading
            (fun (events, readings) ->
                let counts = UnreadCounts.Count(items events, positions readings)
                let left = events |> List.filter (isRead readings >> not)

                let expected thread =
                    let of' =
                        left
                        |> List.filter (fun e -> e.Thread = thread)
                        |> List.map (fun e -> bits e.ForUser)

                    List.sumBy fst of', List.sumBy snd of'

                let threads = [ 100L; 101L ] |> List.filter (fun t -> expected t <> (0, 0))

                (counts.Main.Notifications, counts.Main.Highlights) = expected 0L
                && [ for t in counts.Threads -> t.Thread, (t.Notifications, t.Highlights) ] = [
                    for t in threads -> t, expected t
                ]
                && counts.Notifications = List.sumBy (fun e -> fst (bits e.ForUser)) left
                && counts.Highlights = List.sumBy (fun e -> snd (bits e.ForUser)) left)

    /// Counts can be continued.
    let unreadOn =
        Property.forAll
            "sync.unread.onward"
            "Counting on from earlier counts equals counting everything, and the order of receipts does not matter."
            (Gen.zip SyncGen.reading (Gen.choose (0, 30)))
            (fun ((events, readings), split) ->
                let read = positions readings
                let before, after = List.splitAt (min split events.Length) events
                let onward = UnreadCounts.Count(items before, read).Plus(items after, read)
                let whole = UnreadCounts.Count(items events, positions (List.rev readings))
                onward.Main = whole.Main && onward.Threads = whole.Threads)

    /// All of these.
    let all = [
        eventFilters
        syncFilters
        wrongFilters
        fields
        visibility
        unread
        unreadOn
    ]
