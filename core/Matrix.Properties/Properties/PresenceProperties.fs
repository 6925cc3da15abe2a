namespace Matrix.Properties.Properties

open FsCheck
open FsCheck.FSharp
open Matrix.Core.Presence
open Matrix.Properties

/// The presence of a user with several devices.
module PresenceProperties =

    /// What happens to a user, and how much later than the step before.
    type private Step =
        | Begin of device: string * state: PresenceState
        | End of device: string
        | Put of device: string * state: PresenceState
        | Act

    let private limits = PresenceLimits.Default
    let private idleAfter = 300_000L
    let private offlineAfter = 30_000L
    let private activeFor = 60_000L
    let private start = 1_000_000_000L

    let private device = Gen.elements [ "A"; "B"; "C" ]

    let private state =
        Gen.elements [ PresenceState.Online; PresenceState.Unavailable; PresenceState.Offline ]

    let private pause =
        Gen.frequency [
            4, Gen.choose (0, 5_000)
            2, Gen.choose (20_000, 70_000)
            1, Gen.choose (200_000, 700_000)
        ]
        |> Gen.map int64

    let private step =
        Gen.frequency [
            4, Gen.map2 (fun device state -> Begin(device, state)) device state
            4, Gen.map End device
            2, Gen.map2 (fun device state -> Put(device, state)) device state
            2, Gen.constant Act
        ]

    let private steps =
        Gen.choose (0, 30)
        |> Gen.bind (fun count -> Gen.listOfLength count (Gen.zip pause step))

    let private shrink (steps: (int64 * Step) list) : seq<(int64 * Step) list> =
        seq { for without in 0 .. steps.Length - 1 -> List.removeAt without steps }

    let private applied (user: UserPresence) (now: int64) (step: Step) : UserPresence =
        match step with
        | Begin(device, state) -> user.SyncBegan(device, state, now, limits)
        | End device -> user.SyncEnded(device, now)
        | Put(device, state) -> user.Put(device, state, now, limits)
        | Act -> user.Acted(now, limits)

    /// The steps with their times, and the time at their end.
    let private timed (steps: (int64 * Step) list) : (int64 * Step) list * int64 =
        let times = steps |> List.scan (fun now (pause, _) -> now + pause) start
        List.zip (List.tail times) (List.map snd steps), List.last times

    let private play (steps: (int64 * Step) list) : UserPresence * int64 =
        let timed, now = timed steps

        timed
        |> List.fold (fun user (now, step) -> applied user now step) UserPresence.Absent,
        now

    let private later = [ 0L; 1L; 10_000L; 29_999L; 30_000L; 60_000L; 299_999L; 300_000L; 1_000_000L ]

    /// What a device shows, told as a history is read: from its last request, the state that it asked for last and its
    /// last activity.
    let private literal (name: string) (steps: (int64 * Step) list) (now: int64) : PresenceState =
        let mutable asked = PresenceState.Offline
        let mutable syncs = 0
        let mutable seen = None
        let mutable active = System.Int64.MinValue / 2L

        let isConnected now =
            syncs > 0
            || match seen with
               | Some seen -> now - seen < offlineAfter
               | None -> false

        for now, step in fst (timed steps) do
            match step with
            | Begin(device, state) when device = name && state <> PresenceState.Offline ->
                if
                    state = PresenceState.Online
                    && not (isConnected now && asked = PresenceState.Online)
                then
                    active <- now

                asked <- state
                syncs <- syncs + 1
                seen <- Some now
            | End device when device = name && seen.IsSome ->
                syncs <- max 0 (syncs - 1)
                seen <- Some now
            | Put(device, state) when device = name ->
                asked <- state
                seen <- Some now

                if state = PresenceState.Online then
                    active <- now
            | Act when asked <> PresenceState.Offline && isConnected now ->
                asked <- PresenceState.Online
                active <- now
            | _ -> ()

        if not (isConnected now) then
            PresenceState.Offline
        elif asked = PresenceState.Online && now - active >= idleAfter then
            PresenceState.Unavailable
        else
            asked

    /// The merge of devices.
    let onlineWins =
        Property.forAllShrink
            "presence.online-wins"
            "A user's state is the greatest of the devices', each by its own requests and the user's activities."
            steps
            shrink
            (fun steps ->
                let user, now = play steps

                later
                |> List.forall (fun pause ->
                    let now = now + pause
                    let states = [ "A"; "B"; "C" ] |> List.map (fun name -> literal name steps now)
                    user.At(now, limits).State = List.max states))

    /// The timer misses nothing.
    let changesAreForeseen =
        Property.forAllShrink
            "presence.next-change"
            "Until the next change that a user's presence foresees, others see the same."
            steps
            shrink
            (fun steps ->
                let user, now = play steps
                let shown = user.At(now, limits)
                let next = user.NextChange(now, limits)

                next > now
                && later
                   |> List.append [ 59_999L; next - now - 1L ]
                   |> List.filter (fun pause -> now + pause < next)
                   |> List.forall (fun pause -> user.At(now + pause, limits) = shown))

    /// Nobody stays online.
    let offlineAtLast =
        Property.forAllShrink
            "presence.offline"
            "Half a minute after the last request of every device, the user is offline, and no timer is left."
            steps
            shrink
            (fun steps ->
                let user, now = play steps

                let ended =
                    [ "A"; "B"; "C" ]
                    |> List.collect (List.replicate (steps.Length + 1))
                    |> List.fold (fun (user: UserPresence) device -> user.SyncEnded(device, now)) user

                let after = now + offlineAfter

                ended.At(after, limits).State = PresenceState.Offline
                && ended.NextChange(after, limits) = System.Int64.MaxValue
                && ended.Pruned(after, limits).Devices = 0)

    /// Currently active is a part of online.
    let activeIsRecent =
        Property.forAllShrink
            "presence.currently-active"
            "Only an online user is currently active, and only within a minute of an activity."
            steps
            shrink
            (fun steps ->
                let user, now = play steps

                later
                |> List.forall (fun pause ->
                    let shown = user.At(now + pause, limits)

                    not shown.IsCurrentlyActive
                    || (shown.State = PresenceState.Online && now + pause - user.LastActive < activeFor)))

    /// Pruning is not seen.
    let pruning =
        Property.forAllShrink
            "presence.pruned"
            "Devices that are offline can be forgotten at any time without anybody seeing it."
            steps
            shrink
            (fun steps ->
                let user, now = play steps
                let pruned = user.Pruned(now, limits)

                later
                |> List.forall (fun pause -> pruned.At(now + pause, limits) = user.At(now + pause, limits)))

    /// Devices are bounded.
    let bounded =
        Property.forAll
            "presence.devices-bounded"
            "However many devices a user has, a fixed number counts, and the one that came last is among them."
            (Gen.zip (Gen.choose (1, 100)) state)
            (fun (count, state) ->
                let few = PresenceLimits(idleAfter, offlineAfter, activeFor, 4)

                let user =
                    [ 1..count ]
                    |> List.fold
                        (fun (user: UserPresence) n -> user.Put($"D{n}", PresenceState.Offline, start + int64 n, few))
                        UserPresence.Absent

                let last = user.Put("last", state, start + 1_000L, few)
                last.Devices <= 4 && last.At(start + 1_000L, few).State = state)

    /// All properties of presence.
    let all: Property list = [
        onlineWins
        changesAreForeseen
        offlineAtLast
        activeIsRecent
        pruning
        bounded
    ]
