namespace Matrix.Properties.Properties

open FsCheck
open FsCheck.FSharp
open Matrix.Core.Federation
open Matrix.Properties

/// Pauses between attempts to send to a server that does not answer.
module BackoffProperties =

    /// What happens to a server. The attempt is made at the time that the state gives.
    type private Step =
        | AttemptFails of late: int64
        | Request of after: int64
        | Silence of after: int64

    let private first = 1_000L
    let private longest = 3_600_000L
    let private wake = 10_000L
    let private healthy = DestinationBackoff.Healthy BackoffPauses.Default

    let private step =
        Gen.frequency [
            4, Gen.choose (0, 500) |> Gen.map (int64 >> AttemptFails)
            3, Gen.choose (0, 30_000) |> Gen.map (int64 >> Request)
            1, Gen.choose (0, 10_000_000) |> Gen.map (int64 >> Silence)
        ]

    let private steps =
        Gen.choose (0, 60) |> Gen.bind (fun count -> Gen.listOfLength count step)

    let private shrink (steps: Step list) : seq<Step list> =
        seq { for without in 0 .. steps.Length - 1 -> List.removeAt without steps }

    /// The states with their times, and the times of the attempts.
    let private play (steps: Step list) =
        let folder (now: int64, state: DestinationBackoff, states, attempts) =
            function
            | AttemptFails late ->
                let now = max now state.RetryAt
                let failed = state.Failed(now + late, 0L)
                now + late, failed, (now + late, failed) :: states, now :: attempts
            | Request after ->
                let woken = state.Woken(now + after)
                now + after, woken, (now + after, woken) :: states, attempts
            | Silence after -> now + after, state, states, attempts

        let _, _, states, attempts = steps |> List.fold folder (1_000_000L, healthy, [], [])

        List.rev states, List.rev attempts

    /// The pauses double.
    let doubling =
        Property.forAll
            "backoff.doubles"
            "After n failures the pause is 2^(n-1) seconds, and an hour at most."
            (Gen.choose (1, 100))
            (fun failures ->
                let mutable state = healthy

                for _ in 1..failures do
                    state <- state.Failed(state.RetryAt, 0L)

                let before = state.RetryAt
                let after = state.Failed(before, 0L).RetryAt
                after - before = min longest (if failures > 20 then longest else first <<< failures))

    /// No pause is longer than the longest.
    let bounded =
        Property.forAllShrink
            "backoff.bounded"
            "The next attempt is never later than an hour after the last event."
            steps
            shrink
            (fun steps ->
                fst (play steps)
                |> List.forall (fun (now, state) -> state.RetryAt - now <= longest))

    /// One failure makes a short pause.
    let oneFailure =
        Property.forAllShrink
            "backoff.one-failure"
            "After a success, one failure costs a second, whatever happened before."
            steps
            shrink
            (fun steps ->
                let states, _ = play steps
                let now, state = List.tryLast states |> Option.defaultValue (1_000_000L, healthy)
                let failed = state.Succeeded().Failed(now, 0L)
                failed.RetryAt = now + first && not failed.IsOutage)

    /// An outage takes time.
    let quickFailures =
        Property.forAll
            "backoff.quick-failures"
            "However many failures come within a minute, they are no outage; one more after that minute makes it one."
            (Gen.zip (Gen.choose (1, 50)) (Gen.choose (0, 59_999)))
            (fun (count, within) ->
                let start = 1_000_000L
                let mutable state = healthy

                for n in 0 .. count - 1 do
                    state <- state.Failed(start + int64 (n * within / max 1 (count - 1)), 0L)

                let quick = not state.IsOutage && state.Stage = 0
                let later = state.Failed(start + 60_000L, 0L)
                quick && later.IsOutage = (count >= 2) && not (later.Succeeded().IsOutage))

    /// A request brings the next attempt forward.
    let requestsWake =
        Property.forAllShrink
            "backoff.woken"
            "After a request of the server an attempt is due within ten seconds, and no later than without it."
            steps
            shrink
            (fun steps ->
                let states, _ = play steps
                let now, state = List.tryLast states |> Option.defaultValue (1_000_000L, healthy)
                let woken = state.Woken now
                woken.RetryAt <= state.RetryAt && woken.RetryAt <= now + wake)

    /// Attempts of woken servers are rare.
    let rareAttempts =
        Property.forAllShrink
            "backoff.rare"
            "Between two attempts for which requests were the reason there are ten seconds or more."
            steps
            shrink
            (fun steps ->
                // Such an attempt fails without being counted.
                let uncounted =
                    fst (play steps)
                    |> List.pairwise
                    |> List.filter (fun ((_, before), (_, after)) ->
                        before.RetryAt < after.RetryAt && before.Failures = after.Failures)
                    |> List.map (fst >> snd >> _.RetryAt)

                uncounted
                |> List.pairwise
                |> List.forall (fun (one, next) -> next - one >= wake))

    /// Requests alone change nothing that counts.
    let requestsAreNoSuccess =
        Property.forAllShrink
            "backoff.only-success-resets"
            "Requests of the server neither reset nor lengthen the pauses; a success resets them."
            steps
            shrink
            (fun steps ->
                let states, _ = play steps
                let now, state = List.tryLast states |> Option.defaultValue (1_000_000L, healthy)
                let woken = state.Woken now

                woken.Failures = state.Failures
                && woken.Failed(max now woken.RetryAt, 0L).RetryAt
                   <= state.Failed(max now state.RetryAt, 0L).RetryAt
                && state.Succeeded().IsHealthy
                && state.Succeeded().RetryAt = 0L)

    /// All of them.
    let all = [
        doubling
        bounded
        oneFailure
        quickFailures
        requestsWake
        rareAttempts
        requestsAreNoSuccess
    ]
