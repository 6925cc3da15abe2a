/// State resolution, step by step. v1.19 rooms/v12#state-resolution
module Matrix.Rules.Resolving

/// The parts of the full conflicted set.
let private conflictedParts (algorithm: StateResolutionAlgorithm) : ConflictedPart list =
    algorithm.Steps
    |> List.choose (function
        | ResolutionStep.Gather part -> Some part
        | _ -> None)

let private after (plain: string -> string -> Statement) : Statement list = [
    plain "state.after.message" "The state after a message is the state before it."
    plain
        "state.after.state"
        "The state after a state event is the state before it, with the event at its type and state key."
    plain "state.before" "The state before an event is the resolution of the states after its previous events."
]

let private first (plain: string -> string -> Statement) : Statement list = [
    plain "state.v1.conflict" "States conflict at a type and state key if they have different events there."
    plain "state.v1.unconflicted" "The result starts with all entries that are not in conflict."
    plain "state.v1.power-levels" "Conflicting power levels events come first."
    |> Statement.holding [
        plain
            "state.v1.power-levels.order"
            "They are ordered by ascending depth and, at the same depth, by descending SHA-1 of their ids."
        plain "state.v1.power-levels.first" "The first is taken into the result."
        plain
            "state.v1.power-levels.next"
            "Each next one is taken if the authorization rules allow it in the result so far; the first one that they \
             reject ends this step."
    ]
    plain "state.v1.join-rules" "Then conflicting join rules events, in the same way."
    plain "state.v1.members" "Then conflicting member events, in the same way, user by user."
    plain
        "state.v1.others"
        "For every other conflict, the event of the greatest depth that the rules allow in the result is taken; at \
         the same depth, the one with the least SHA-1 of its id."
]

let private comparison (plain: string -> string -> Statement) (name: string) (first: string) : Statement list =
    [
        plain (name + ".first") first
        plain (name + ".time") "If these are equal: the lesser origin_server_ts comes first."
        plain (name + ".id") "If these are equal too: the lesser event id comes first."
    ]
    |> Statement.numbered

/// The steps of resolving, in order. The state from which the checks start is a value of the first check.
let private resolving
    (plain: string -> string -> Statement)
    (valued: string -> string -> string -> Statement)
    (algorithm: StateResolutionAlgorithm)
    : Statement list =
    let checks name (start: Start option) =
        match start with
        | Some start ->
            valued
                name
                "Put them through the iterative auth checks, starting from this state."
                (StateResolutionAlgorithm.startWords start)
        | None -> plain name "Put these through the iterative auth checks, going on from the state so far."

    ((None, []), algorithm.Steps)
    ||> List.fold (fun (start, said) step ->
        match step with
        | ResolutionStep.PassesByType
        | ResolutionStep.Gather _ -> start, said
        | ResolutionStep.StartFrom from -> Some from, said
        | ResolutionStep.CheckPowerEvents ->
            None,
            said
            @ [
                plain
                    "state.resolve.power-events"
                    "Take the power events of the full conflicted set, and those events of that set that are in their \
                     auth chains; order them by the reverse topological power ordering."
                checks "state.resolve.check-power-events" start
            ]
        | ResolutionStep.CheckRemaining ->
            None,
            said
            @ [
                plain
                    "state.resolve.others"
                    "Order the remaining events of the full conflicted set by the mainline ordering, based on the \
                     power levels of the state so far."
                checks "state.resolve.check-others" start
            ]
        | ResolutionStep.KeepUnconflicted ->
            start,
            said
            @ [
                plain
                    "state.resolve.unconflicted"
                    "Put every entry of the unconflicted state map into the result, replacing other events at the \
                     same key."
            ])
    |> snd

let private second
    (algorithm: StateResolutionAlgorithm)
    (plain: string -> string -> Statement)
    (valued: string -> string -> string -> Statement)
    : Statement list = [
    plain
        "state.power-events"
        "A power event is a power levels event, a join rules event, or a leave or ban of a user other than the \
         sender: an event that can remove a user's ability to do something."
    plain
        "state.unconflicted"
        "An entry that every state has, with the same event, is in the unconflicted state map; every other event of \
         the states is in the conflicted state set."
    plain
        "state.auth-chain"
        "An event's auth chain is its auth events, their auth events, and so on to the beginning of the room."
    plain
        "state.auth-difference"
        "The auth difference is every event that is in the auth chain of some state, but not of all; a state's auth \
         chain is that of all its events together."
    if List.contains ConflictedPart.Subgraph (conflictedParts algorithm) then
        plain
            "state.conflicted-subgraph"
            "The conflicted state subgraph is every event on a path of auth events from one event of the conflicted \
             state set to another, both ends included."
    valued
        "state.full-conflicted-set"
        "The parts of the full conflicted set."
        (conflictedParts algorithm
         |> List.map StateResolutionAlgorithm.partWords
         |> String.concat ", ")
    plain
        "state.power-ordering"
        "The reverse topological power ordering puts each event after its auth events. Of several events that can be \
         next, it takes the first by this order:"
    |> Statement.holding (
        comparison
            plain
            "state.power-ordering"
            "The event whose sender has more power, by its own auth events, comes first."
    )
    plain
        "state.mainline"
        "The mainline of a power levels event is the event itself, the power levels event among its auth events, the \
         one among that event's auth events, and so on."
    plain
        "state.mainline-position"
        "From an event, follow the power levels event among its auth events, the one among that event's auth events, \
         and so on. The first one that is in the mainline gives the event's mainline position; without one, the \
         position is beyond all others."
    plain "state.mainline-ordering" "The mainline ordering by a power levels event:"
    |> Statement.holding (
        comparison plain "state.mainline-ordering" "The event with the greater mainline position comes first."
    )
    plain
        "state.auth-checks"
        "The iterative auth checks go through a list of events and put each into the state so far, if the \
         authorization rules allow it there. Entries that the rules read and the state lacks are taken from the \
         event's auth events, without rejected ones."
    plain "state.resolve" "Resolving:"
    |> Statement.holding (resolving plain valued algorithm |> Statement.numbered)
    plain
        "state.rejected"
        "An event that was rejected because of the state before it takes part like any other. Where the checks fall \
         back on an event's auth events, rejected ones are not used."
]

/// The rows of a version's state resolution.
let statements (version: RoomVersion) : Statement list =
    let link = Links.room version.Page "state-resolution"
    let plain = Statement.plain link
    let valued = Statement.valued link
    let algorithm = version.Settings.StateResolution

    valued "state.algorithm" "The algorithm that resolves conflicting states." algorithm.Name
    :: after plain
    @ (if algorithm.IsByType then
           first plain
       else
           second algorithm plain valued)
