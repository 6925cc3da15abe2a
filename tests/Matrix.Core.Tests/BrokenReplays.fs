/// Replays, each with one defect.
module Matrix.Core.Tests.BrokenReplays

open Matrix.Properties.Reference

/// A replay with a defect.
type BrokenReplay = {
    /// The defect, in words.
    Wrong: string
    Habits: ReplayReference.Habits
    /// The laws that it breaks.
    Breaks: string list
}

let private replay wrong habits breaks = {
    Wrong = wrong
    Habits = habits
    Breaks = breaks |> List.map (fun name -> "state-res." + name)
}

let private atOnce = "state-before-and-after"

/// All defects.
let all: BrokenReplay list = [
    replay
        "where states differ, the one that arrived first wins"
        {
            ReplayReference.literal with
                Resolve = fun _ states -> states.Head
        }
        [ atOnce; "arrival-order" ]
    replay
        "an event is not checked against the state before it"
        {
            ReplayReference.literal with
                Rejects = fun byAuthEvents _ -> not byAuthEvents
        }
        [ atOnce ]
    replay
        "an event is not checked against its auth events"
        {
            ReplayReference.literal with
                Rejects = fun _ byState -> not byState
        }
        [ atOnce ]
    replay
        "a rejected event changes the state"
        {
            ReplayReference.literal with
                After = fun event _ before -> ReplayReference.literal.After event false before
        }
        [ atOnce ]
    replay
        "an event is an extremity until an accepted event names it directly"
        {
            ReplayReference.literal with
                IsPassed =
                    fun events accepted id -> accepted |> Set.exists (fun a -> Array.contains id events[a].PrevEvents)
        }
        [ atOnce; "extremities-are-the-end" ]
    replay
        "a rejected event replaces the extremities that it names"
        {
            ReplayReference.literal with
                IsPassed = fun events _ id -> events.Values |> Seq.exists (fun e -> Array.contains id e.PrevEvents)
        }
        [ atOnce; "extremities-are-the-end" ]
]
