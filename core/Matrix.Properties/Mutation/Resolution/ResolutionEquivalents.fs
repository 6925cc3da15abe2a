namespace Matrix.Properties.Mutation

/// The reviewed list of changes of state resolution that no room shows.
[<RequireQualifiedAccess>]
module ResolutionEquivalents =

    let private row name mutations reason : Equivalent = {
        Subject = Subject.StateResolution
        Rule = name
        Mutations = mutations
        Versions = []
        Reason = reason
    }

    let private between (first: int) (last: int) (e: Equivalent) = {
        e with
            Versions = [ for n in first..last -> string n ]
    }

    let private inSecond = between 2 11
    let private inRevised = between 12 12

    /// All of them.
    let all: Equivalent list = [
        row
            "state.full-conflicted-set"
            [
                "after the next: gather the conflicted state set"
                "after the next: gather the auth difference"
            ]
            "the set is the union of its parts, and nothing reads it before the checks"
        row
            "state.full-conflicted-set"
            [ "after the next: gather the conflicted state subgraph" ]
            "the set is the union of its parts, and nothing reads it before the checks"
        |> inRevised
        row
            "state.resolve.check-power-events"
            [ "dropped: start from the unconflicted state map" ]
            "checks for which the algorithm says no start begin with the unconflicted state map"
        |> inSecond
        row
            "state.conflicted-subgraph"
            [ "without the ends of the paths" ]
            "the ends are conflicted events, which the full conflicted set has as such"
        |> inRevised
        // Take a path from one event of the set down to another, and an event on it. Above it is a conflicted event:
        // the upper end, or one that has the upper end in its auth chain, since an event that all states have would
        // put all below it into all auth chains. If the lower end is conflicted, or above a conflicted event, the event
        // between is in the subgraph. Otherwise the lower end is in the auth difference: some state's auth chain lacks
        // it, and so lacks the event between, which is in the auth difference too.
        row
            "state.auth-chain"
            [ "through conflicted events alone, for the power ordering" ]
            "with the subgraph, every event between two events of the full conflicted set is in the set"
        |> inRevised
        row "state.power-events" [ "also knocks" ] "no rule of these versions allows a knock"
        |> between 2 6
        row
            "state.mainline-position"
            [ "from the event itself" ]
            "the events of the second order are no power levels events, which are all in the first"
    ]
