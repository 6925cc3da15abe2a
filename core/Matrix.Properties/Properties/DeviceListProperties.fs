namespace Matrix.Properties.Properties

open FsCheck
open FsCheck.FSharp
open Matrix.Core.DeviceLists
open Matrix.Core.Federation
open Matrix.Properties

/// The step that a tracker takes for an update.
type ReceiveUpdate = TrackedList -> DeviceListUpdate -> int64 -> TrackingStep

/// Device lists of other servers' users, followed by updates that may be lost, late or doubled.
module DeviceListProperties =

    /// What happens between the server that owns the list and the one that follows it.
    type private Event =
        /// The owner changes a device, or deletes it; several servers of a cluster may do so at once.
        | Changes of device: int * isDeleted: bool * isAtOnce: bool
        /// One of the updates that are on their way arrives; the number chooses it.
        | Arrives of int
        | ArrivesTwice of int
        | IsLost of int
        /// The follower asks for the list, if it needs it.
        | Asks
        /// The owner serves the request.
        | Serves
        /// The response arrives, or fails to.
        | Responds
        | Fails
        | Restarts

    /// A device's name stands for its keys.
    type private Devices = Map<string, string>

    type private World = {
        Owner: Devices
        /// The id of the latest update, and the updates that no update has named yet.
        Latest: int64
        Unnamed: int64 list
        OnTheirWay: DeviceListUpdate list
        Response: (int64 * Devices) option
        Tracked: TrackedList
        Cache: Devices
        Announced: int
        Now: int64
    }

    let private user = "@owner:elsewhere"
    let private untracked = TrackedList.Untracked BackoffPauses.Default

    let private event =
        Gen.frequency [
            8,
            Gen.map3
                (fun device deleted atOnce -> Changes(device, deleted = 0, atOnce = 0))
                (Gen.choose (1, 3))
                (Gen.choose (0, 3))
                (Gen.choose (0, 9))
            10, Gen.choose (0, 100) |> Gen.map Arrives
            2, Gen.choose (0, 100) |> Gen.map ArrivesTwice
            2, Gen.choose (0, 100) |> Gen.map IsLost
            4, Gen.constant Asks
            4, Gen.constant Serves
            4, Gen.constant Responds
            1, Gen.constant Fails
            1, Gen.constant Restarts
        ]

    let private events =
        Gen.choose (0, 60) |> Gen.bind (fun count -> Gen.listOfLength count event)

    let private shrink (events: Event list) : seq<Event list> =
        seq { for without in 0 .. events.Length - 1 -> List.removeAt without events }

    let private start = {
        Owner = Map.empty
        Latest = 0L
        Unnamed = []
        OnTheirWay = []
        Response = None
        Tracked = untracked
        Cache = Map.empty
        Announced = 0
        Now = 1_000_000L
    }

    let private apply (cache: Devices) (update: DeviceListUpdate) =
        match update.DisplayName with
        | null -> cache.Remove update.DeviceId
        | name -> cache.Add(update.DeviceId, name)

    let private follow (world: World) (response: Devices option) (step: TrackingStep) =
        let before =
            if step.Drops then
                Map.empty
            else
                Option.defaultValue world.Cache response

        let cache = (before, step.Applied) ||> Array.fold apply

        let isAnnounced =
            match step.Announcement with
            | Announcement.Always -> true
            | Announcement.IfDifferent -> cache <> world.Cache
            | _ -> false

        {
            world with
                Tracked = step.Next
                Cache = cache
                Announced = world.Announced + (if isAnnounced then 1 else 0)
        }

    let private change (world: World) (device: int) (isDeleted: bool) (isAtOnce: bool) =
        let id = world.Latest + 1L + int64 device
        let deviceId = $"D{device}"
        let name: string | null = if isDeleted then null else $"{id}"

        let update =
            DeviceListUpdate.OfDevice(user, id, List.toArray world.Unnamed, deviceId, isDeleted, name, null)

        // An update that is sent at once with another one does not know it.
        let unnamed = if isAtOnce then id :: world.Unnamed else [ id ]

        {
            world with
                Owner = apply world.Owner update
                Latest = id
                Unnamed = unnamed
                OnTheirWay = world.OnTheirWay @ [ update ]
        }

    let private choose (world: World) (number: int) (act: DeviceListUpdate -> World) =
        match world.OnTheirWay with
        | [] -> world
        | updates -> act updates[number % updates.Length]

    let private arrives (receive: ReceiveUpdate) (world: World) (update: DeviceListUpdate) =
        receive world.Tracked update world.Now |> follow world None

    let private without (update: DeviceListUpdate) (world: World) = {
        world with
            OnTheirWay = world.OnTheirWay |> List.filter (fun other -> other.StreamId <> update.StreamId)
    }

    let private asks (world: World) =
        let wanted = (world.Tracked.Wanted world.Now).Next

        if wanted.FetchAt.HasValue then
            {
                world with
                    Tracked = wanted.Fetching().Next
                    Response = None
                    Now = max world.Now wanted.FetchAt.Value
            }
        else
            world

    let private serves (world: World) =
        if world.Tracked.IsFetching && world.Response.IsNone then
            {
                world with
                    Response = Some(world.Latest, world.Owner)
            }
        else
            world

    let private responds (world: World) =
        match world.Response with
        | Some(id, devices) ->
            world.Tracked.Fetched(id, world.Now)
            |> follow { world with Response = None } (Some devices)
        | None -> world

    let private restarts (world: World) =
        if world.Tracked.IsCached then
            {
                world with
                    Tracked = TrackedList.Restore(BackoffPauses.Default, world.Tracked.Stored)
                    Response = None
            }
        else
            { world with Tracked = untracked }

    let private step (receive: ReceiveUpdate) (world: World) =
        function
        | Changes(device, isDeleted, isAtOnce) -> change world device isDeleted isAtOnce
        | Arrives number -> choose world number (fun update -> arrives receive (without update world) update)
        | ArrivesTwice number -> choose world number (arrives receive world)
        | IsLost number -> choose world number (fun update -> without update world)
        | Asks -> asks world
        | Serves -> serves world
        | Responds -> responds world
        | Fails when world.Tracked.IsFetching ->
            world.Tracked.FetchFailed(world.Now, 0L)
            |> follow { world with Response = None } None
        | Fails -> world
        | Restarts -> restarts world

    /// A last update arrives, and the list is fetched until nothing more is needed.
    let private settle (receive: ReceiveUpdate) (world: World) =
        let last = change { world with OnTheirWay = [] } 1 false false

        let arrived =
            arrives receive (without last.OnTheirWay.Head last) last.OnTheirWay.Head

        let rec fetch (world: World) attempts =
            if world.Tracked.IsCurrent || attempts = 0 then
                world
            else
                fetch (world |> asks |> serves |> responds) (attempts - 1)

        fetch arrived 10

    let private real: ReceiveUpdate = fun list update now -> list.Received(update, now)

    /// Whatever is lost, late or doubled, the cache ends as the owner's list.
    let converges (receive: ReceiveUpdate) =
        Property.forAllShrink
            "device-lists.converge"
            "After any updates, lost, late or doubled, and failed requests, the next update leads to the owner's list."
            events
            shrink
            (fun events ->
                let world = (start, events) ||> List.fold (step receive) |> settle receive
                world.Tracked.IsCurrent && world.Cache = world.Owner)

    /// A current list has all updates that arrived.
    let neverBehind (receive: ReceiveUpdate) =
        Property.forAllIf
            "device-lists.current"
            "A list that counts as current is the owner's list once all updates have arrived, in any order."
            events
            shrink
            (fun events ->
                let isKept =
                    function
                    | IsLost _ -> false
                    | _ -> true

                let world = (start, events |> List.filter isKept) ||> List.fold (step receive)

                let arrived =
                    (world, world.OnTheirWay)
                    ||> List.fold (fun world update -> arrives receive (without update world) update)

                if arrived.Tracked.IsCurrent then
                    Some(arrived.Cache = arrived.Owner)
                else
                    None)

    /// Local users are told once of each change.
    let announcedOnce (receive: ReceiveUpdate) =
        Property.forAll
            "device-lists.announced-once"
            "Updates that arrive in order need no request, and each is announced once, however often it arrives."
            (Gen.nonEmptyListOf (Gen.choose (1, 3)))
            (fun devices ->
                let fetched = start |> asks |> serves |> responds
                // The first update of a sequence names no other.
                let begun = change fetched 1 false false |> serves

                let tracked =
                    {
                        begun with
                            OnTheirWay = []
                            Tracked = untracked
                    }
                    |> asks
                    |> serves
                    |> responds

                let ended =
                    (tracked, devices)
                    ||> List.fold (fun world device ->
                        let changed = change world device false false
                        let update = List.last changed.OnTheirWay
                        let once = arrives receive (without update changed) update
                        arrives receive once update)

                ended.Tracked.IsCurrent
                && ended.Cache = ended.Owner
                && ended.Announced - tracked.Announced = devices.Length)

    /// Each of them, for a tracker that receives updates in this way.
    let ofReceiving (receive: ReceiveUpdate) = [ converges receive; neverBehind receive; announcedOnce receive ]

    /// All of them.
    let all = ofReceiving real
