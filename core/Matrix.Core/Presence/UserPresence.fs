namespace Matrix.Core.Presence

open System
open System.Runtime.InteropServices

type PresenceState =
    | Offline = 0
    | Unavailable = 1
    | Online = 2

[<AbstractClass; Sealed>]
type PresenceStates private () =

    static member TryParse(text: string, [<Out>] state: byref<PresenceState>) : bool =
        match text with
        | "online" ->
            state <- PresenceState.Online
            true
        | "unavailable" ->
            state <- PresenceState.Unavailable
            true
        | "offline" ->
            state <- PresenceState.Offline
            true
        | _ -> false

    static member Name(state: PresenceState) : string =
        match state with
        | PresenceState.Online -> "online"
        | PresenceState.Unavailable -> "unavailable"
        | _ -> "offline"

[<Sealed>]
type PresenceLimits(idleAfter: int64, offlineAfter: int64, activeFor: int64, devices: int) =

    static let standard = PresenceLimits(300_000L, 30_000L, 60_000L, 16)

    static member Default = standard

    member internal _.IdleAfter = max 1L idleAfter
    member internal _.OfflineAfter = max 1L offlineAfter
    member internal _.ActiveFor = max 1L activeFor
    member internal _.Devices = max 1 devices

[<Struct>]
type ShownPresence = {
    State: PresenceState
    IsCurrentlyActive: bool
}

/// A device: the state that it asked for, its open syncs, its last request, and its last activity.
[<Struct>]
type internal PresentDevice = {
    Requested: PresenceState
    Syncs: int
    Seen: int64
    Active: int64
} with

    /// When it goes offline if nothing more comes.
    member this.OfflineAt(limits: PresenceLimits) : int64 =
        if this.Syncs > 0 then
            Int64.MaxValue
        else
            this.Seen + limits.OfflineAfter

    member this.IsConnected(now: int64, limits: PresenceLimits) : bool = this.OfflineAt limits > now

    member this.IsActive(now: int64, span: int64) : bool = this.Active + span > now

    member this.At(now: int64, limits: PresenceLimits) : PresenceState =
        if not (this.IsConnected(now, limits)) then
            PresenceState.Offline
        elif
            this.Requested = PresenceState.Online
            && not (this.IsActive(now, limits.IdleAfter))
        then
            PresenceState.Unavailable
        else
            this.Requested

[<Sealed>]
type UserPresence private (devices: Map<string, PresentDevice>, lastActive: int64) =

    static let absent = UserPresence(Map.empty, 0L)

    /// The devices with one more. If there are too many, the one whose last request is the oldest goes, an open sync
    /// last.
    static let withDevice (name: string) (device: PresentDevice) (limits: PresenceLimits) devices =
        let all = Map.add name device devices

        if all.Count <= limits.Devices then
            all
        else
            let oldest =
                all
                |> Map.toSeq
                |> Seq.filter (fun (other, _) -> other <> name)
                |> Seq.minBy (fun (other, each) -> struct (min 1 each.Syncs, each.Seen, other))

            Map.remove (fst oldest) all

    static member Absent = absent

    static member Restored(state: PresenceState, lastActive: int64, now: int64) : UserPresence =
        // No client has a device without a name.
        let device = {
            Requested = state
            Syncs = 0
            Seen = now
            Active = lastActive
        }

        UserPresence(Map.ofList [ "", device ], lastActive)

    static member Imported
        (state: PresenceState, isActive: bool, lastActive: int64, now: int64, limits: PresenceLimits)
        : UserPresence =
        let device = {
            Requested = state
            Syncs = 0
            Seen = now
            Active =
                if isActive then
                    now
                else
                    now - min limits.ActiveFor (limits.IdleAfter - 1L)
        }

        UserPresence(Map.ofList [ "", device ], lastActive)

    member this.SyncBegan(device: string, state: PresenceState, now: int64, limits: PresenceLimits) : UserPresence =
        if state = PresenceState.Offline then
            this
        else
            let known = Map.tryFind device devices

            let wasOnline =
                match known with
                | Some known -> known.Requested = PresenceState.Online && known.IsConnected(now, limits)
                | None -> false

            // To become online is an activity; to go on polling is none.
            let isActivity = state = PresenceState.Online && not wasOnline

            let changed = {
                Requested = state
                Syncs =
                    match known with
                    | Some known -> known.Syncs + 1
                    | None -> 1
                Seen = now
                Active =
                    match known with
                    | _ when isActivity -> now
                    | Some known -> known.Active
                    | None -> 0L
            }

            UserPresence(withDevice device changed limits devices, (if isActivity then now else lastActive))

    member this.SyncEnded(device: string, now: int64) : UserPresence =
        match Map.tryFind device devices with
        | Some known ->
            let ended = {
                known with
                    Syncs = max 0 (known.Syncs - 1)
                    Seen = max now known.Seen
            }

            UserPresence(Map.add device ended devices, lastActive)
        | None -> this

    member _.Put(device: string, state: PresenceState, now: int64, limits: PresenceLimits) : UserPresence =
        let known = Map.tryFind device devices

        let changed = {
            Requested = state
            Syncs =
                match known with
                | Some known -> known.Syncs
                | None -> 0
            Seen = now
            Active =
                match known with
                | _ when state = PresenceState.Online -> now
                | Some known -> known.Active
                | None -> 0L
        }

        // To become online is an activity; to ask for another state is none.
        let isActivity = state = PresenceState.Online
        UserPresence(withDevice device changed limits devices, (if isActivity then now else lastActive))

    member _.Acted(now: int64, limits: PresenceLimits) : UserPresence =
        let isShown (device: PresentDevice) =
            device.Requested <> PresenceState.Offline && device.IsConnected(now, limits)

        let acted _ (device: PresentDevice) =
            if isShown device then
                {
                    device with
                        Requested = PresenceState.Online
                        Active = now
                }
            else
                device

        // Nobody learns what a user does who hides.
        let isSeen = devices |> Map.exists (fun _ device -> isShown device)
        UserPresence(Map.map acted devices, (if isSeen then now else lastActive))

    member this.Pruned(now: int64, limits: PresenceLimits) : UserPresence =
        let connected =
            devices |> Map.filter (fun _ device -> device.IsConnected(now, limits))

        if connected.Count = devices.Count then
            this
        else
            UserPresence(connected, lastActive)

    member _.LastActive = lastActive

    member _.Devices = devices.Count

    member _.At(now: int64, limits: PresenceLimits) : ShownPresence =
        let mutable state = PresenceState.Offline
        let mutable isActive = false

        for KeyValue(_, device) in devices do
            let ofDevice = device.At(now, limits)

            if ofDevice > state then
                state <- ofDevice

            if ofDevice = PresenceState.Online && device.IsActive(now, limits.ActiveFor) then
                isActive <- true

        {
            State = state
            IsCurrentlyActive = isActive
        }

    member _.NextChange(now: int64, limits: PresenceLimits) : int64 =
        let mutable next = Int64.MaxValue

        let consider time =
            if time > now && time < next then
                next <- time

        for KeyValue(_, device) in devices do
            if device.Requested <> PresenceState.Offline && device.IsConnected(now, limits) then
                consider (device.OfflineAt limits)

                if device.Requested = PresenceState.Online then
                    consider (device.Active + limits.IdleAfter)
                    consider (device.Active + limits.ActiveFor)

        next
