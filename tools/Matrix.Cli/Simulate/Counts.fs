/// Counts of simulation runs.
module internal Matrix.Cli.Simulate.Counts

open Matrix.Cli.Output
open Matrix.Properties.Simulation

/// Counts of each version and of all.
let private ofEach: (string * (Seen -> int)) list = [
    "events", _.Events
    "decisions", _.Decisions
    "states_compared", _.Compared
    "rejected", _.Rejected
    "soft_failed", _.SoftFailed
    "decided_on_trust", _.OnTrust
    "servers_settled", _.Settled
    "servers_apart", _.Apart
]

/// Further counts of all versions together.
let private ofAll: (string * (Seen -> int)) list = [
    "merges", _.Merges
    "states_fetched", _.StatesFetched
    "outliers", _.Outliers
    "history", _.History
    "history_of_branches", _.Branches
    "old_events", _.Old
    "inserted", _.Inserted
    "servers_misled", _.Misled
    "lies_told", _.Lies
    "extreme_lies_sent", _.Extremes
    "events_remembered", _.Remembered
    "answers_withheld", _.Withheld
    "false_states_told", _.FalseStates
    "given_up", _.Dropped
    "unsigned", _.Unsigned
    "without_auth_events", _.WithoutAuthEvents
    "messages_lost", _.Lost
    "crashes", _.Crashes
    "failed_flushes", _.FailedFlushes
    "evictions", _.Evictions
]

/// Whether the run found no violation, but compared no two servers at the end: they left the room, or stayed apart.
let private isUnsettled (ended: RunOutcome) =
    ended.Violation.IsNone && ended.Seen.Settled = 0

let private sums (counts: (string * (Seen -> int)) list) (runs: RunOutcome list) : (string * Cell) list = [
    for name, of' in counts -> name, Count(runs |> List.sumBy (fun run -> int64 (of' run.Seen)))
]

/// The number of runs, and how they ended.
let runs (ended: RunOutcome list) : (string * Cell) list =
    let count holds =
        Count(ended |> List.filter holds |> List.length |> int64)

    [
        "seeds", Count(int64 ended.Length)
        "failing_seeds", count _.Violation.IsSome
        "seeds_unsettled", count isUnsettled
    ]

/// The totals of all runs.
let totals (ended: RunOutcome list) : (string * Cell) list = sums (ofEach @ ofAll) ended

/// The counts of each version's runs.
let byVersion (versions: (string * RunOutcome list) list) : Table =
    let cells (version: string, ended: RunOutcome list) =
        ("room_version", Word version) :: runs ended @ sums ofEach ended

    {
        Name = "versions"
        Columns = cells ("", []) |> List.map fst
        Rows = versions |> List.map (cells >> List.map snd)
    }
