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
        "where states differ, the one that was heard of first stands"
        {
            ReplayReference.literal with
                Resolve = fun _ states -> states.Head
        }
        [ atOnce; "arrival-order" ]
    replay
        "the state before an event is not asked"
        {
            ReplayReference.literal with
                Rejects = fun byAuthEvents _ -> not byAuthEvents
        }
        [ atOnce ]
    replay
        "its auth events are not asked"
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
        "an event is an extremity until an accepted one names it, whatever comes after that"
        {
            ReplayReference.literal with
                IsPassed =
                    fun events accepted id -> accepted |> Set.exists (fun a -> Array.contains id events[a].PrevEvents)
        }
        [ atOnce; "extremities-are-the-end" ]
    replay
        "a rejected event takes the place of the extremities that it names"
        {
            ReplayReference.literal with
                IsPassed = fun events _ id -> events.Values |> Seq.exists (fun e -> Array.contains id e.PrevEvents)
        }
        [ atOnce; "extremities-are-the-end" ]
]
