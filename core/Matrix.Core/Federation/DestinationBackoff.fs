namespace Matrix.Core.Federation

[<Sealed>]
type BackoffPauses(first: int64, longest: int64, wake: int64, outage: int64) =

    static let standard = BackoffPauses(1_000L, 3_600_000L, 10_000L, 60_000L)

    new(first: int64, longest: int64, wake: int64) = BackoffPauses(first, longest, wake, 60_000L)

    static member Default = standard

    member internal _.Longest = max 1L longest
    member internal _.Wake = max 1L wake
    member internal _.Outage = max 0L outage

    /// The pause after this many failures.
    member internal this.After(failures: int) : int64 =
        let doublings = min 40 (max 0 (failures - 1))
        let first = max 1L (min first this.Longest)

        // Compared by division, so that nothing overflows.
        if first > (this.Longest >>> doublings) then
            this.Longest
        else
            first <<< doublings

/// `scheduled` is the time of the next attempt by the pauses, `awake` that of an attempt that a request of the server
/// allows, and `lastWake` that of the latest such attempt. `lasted` is the time from the first failure since the last
/// success to the latest one.
[<Sealed>]
type DestinationBackoff
    private
    (
        pauses: BackoffPauses,
        failures: int,
        since: int64,
        lasted: int64,
        scheduled: int64,
        awake: int64 voption,
        lastWake: int64 voption
    ) =

    /// Two failures after one another are a restart, or a bad connection.
    static let disturbance = 2

    static let minute = 60_000L

    static member Healthy(pauses: BackoffPauses) : DestinationBackoff =
        DestinationBackoff(pauses, 0, 0L, 0L, 0L, ValueNone, ValueNone)

    static member Restore(pauses: BackoffPauses, failures: int, retryAt: int64, now: int64) : DestinationBackoff =
        if failures <= 0 then
            DestinationBackoff.Healthy pauses
        else
            let retryAt = min retryAt (now + pauses.Longest)
            DestinationBackoff(pauses, failures, now - pauses.Outage, pauses.Outage, retryAt, ValueNone, ValueNone)

    member _.Failures = failures

    member _.IsHealthy = failures = 0

    member _.IsOutage = failures > disturbance && lasted >= pauses.Outage

    member this.Stage: int =
        let pause = pauses.After failures

        if not this.IsOutage then 0
        elif pause >= pauses.Longest then 3
        elif pause >= minute then 2
        else 1

    member _.RetryAt: int64 =
        if failures = 0 then
            0L
        else
            match awake with
            | ValueSome time -> min time scheduled
            | ValueNone -> scheduled

    member _.Failed(now: int64, askedPause: int64) : DestinationBackoff =
        let asked = now + (askedPause |> max 0L |> min pauses.Longest)

        match awake with
        | ValueSome time when failures > 0 && time <= now && now < scheduled ->
            // The attempt was the server's own doing: it neither counts nor delays the scheduled one.
            DestinationBackoff(
                pauses,
                failures,
                since,
                max lasted (now - since),
                max scheduled asked,
                ValueNone,
                ValueSome now
            )
        | _ ->
            let since = if failures = 0 then now else since

            let failures =
                if failures = System.Int32.MaxValue then
                    failures
                else
                    failures + 1

            let scheduled = max asked (now + pauses.After failures)
            DestinationBackoff(pauses, failures, since, max lasted (now - since), scheduled, ValueNone, lastWake)

    member this.Woken(now: int64) : DestinationBackoff =
        if failures = 0 || awake.IsSome then
            this
        else
            let allowed =
                match lastWake with
                // A clock that was set back does not delay the attempt.
                | ValueSome last when last <= now -> max now (last + pauses.Wake)
                | _ -> now

            if allowed >= scheduled then
                this
            else
                DestinationBackoff(pauses, failures, since, lasted, scheduled, ValueSome allowed, lastWake)

    member _.Succeeded() : DestinationBackoff = DestinationBackoff.Healthy pauses
