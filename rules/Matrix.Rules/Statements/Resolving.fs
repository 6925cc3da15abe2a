/// State resolution, step by step. Room versions, "State resolution".
module Matrix.Rules.Resolving

/// What goes into the full conflicted set.
let private conflictedParts (algorithm: StateResolutionAlgorithm) : ConflictedPart list =
    algorithm.Steps
    |> List.choose (function
        | ResolutionStep.Gather part -> Some part
        | _ -> None)

let private after (plain: string -> string -> Statement) : Statement list = [
    plain "state.after.message" "The state after a message is the state before it."
    plain
        "state.after.state"
        "The state after a state event is the state before it, with the event in the place of its type and state key."
    plain "state.before" "The state before an event is what the states after its previous events resolve to."
]

let private first (plain: string -> string -> Statement) : Statement list = [
    plain "state.v1.conflict" "States conflict in a type and state key for which they hold different events."
    plain "state.v1.unconflicted" "The result starts as all entries that are in no conflict."
    plain "state.v1.power-levels" "Conflicting power levels events come first."
    |> Statement.holding [
        plain
            "state.v1.power-levels.order"
            "They are ordered from the least depth up; of one depth, from the greatest SHA-1 of their ids down."
        plain "state.v1.power-levels.first" "The first is taken into the result."
        plain
            "state.v1.power-levels.next"
            "Each that follows is taken if the authorization rules allow it in the result so far; the first that \
             they do not ends it."
    ]
    plain "state.v1.join-rules" "Then conflicting join rules events, in the same way."
    plain "state.v1.members" "Then conflicting member events, in the same way, user by user."
    plain
        "state.v1.others"
        "For every other conflict, the event of the greatest depth that the rules allow in the result is taken; of one depth, that with \
         the least SHA-1 of its id."
]

let private comparison (plain: string -> string -> Statement) (name: string) (first: string) : Statement list =
    [
        plain (name + ".first") first
        plain (name + ".time") "If these are equal: the lesser origin_server_ts comes first."
        plain (name + ".id") "If these are equal too: the lesser event id comes first."
    ]
    |> Statement.numbered

/// The steps of resolving, in order; the state that the checks start from stands with the first of them.
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
                    "Take the power events of the full conflicted set, and what is in their auth chains and in that set; order them by the reverse \
                     topological power ordering."
                checks "state.resolve.check-power-events" start
            ]
        | ResolutionStep.CheckRemaining ->
            None,
            said
            @ [
                plain
                    "state.resolve.others"
                    "Order what is left of the full conflicted set by the mainline ordering, with the power levels of the state so far."
                checks "state.resolve.check-others" start
            ]
        | ResolutionStep.KeepUnconflicted ->
            start,
            said
            @ [
                plain
                    "state.resolve.unconflicted"
                    "Put every entry of the unconflicted state map into the result, in the place of what is there."
            ])
    |> snd

let private second
    (algorithm: StateResolutionAlgorithm)
    (plain: string -> string -> Statement)
    (valued: string -> string -> string -> Statement)
    : Statement list = [
    plain
        "state.power-events"
        "A power event is power levels, join rules, or a leave or ban of another user than the sender: what may take from others what \
         they could do."
    plain
        "state.unconflicted"
        "An entry that every state has, with the same event, is in the unconflicted state map; every other event of the states is in the \
         conflicted state set."
    plain
        "state.auth-chain"
        "An event's auth chain is its auth events, their auth events, and so on to the beginning of the room."
    plain
        "state.auth-difference"
        "The auth difference is every event that is in the auth chain of some state, and not of all; a state's auth chain is that of all its \
         events together."
    if List.contains ConflictedPart.Subgraph (conflictedParts algorithm) then
        plain
            "state.conflicted-subgraph"
            "The conflicted state subgraph is every event on a path of auth events from one event of the conflicted state set to another, \
             both ends included."
    valued
        "state.full-conflicted-set"
        "What the full conflicted set is made of."
        (conflictedParts algorithm
         |> List.map StateResolutionAlgorithm.partWords
         |> String.concat ", ")
    plain
        "state.power-ordering"
        "The reverse topological power ordering puts events after their auth events and otherwise, at each step, the first of those that \
         could come next:"
    |> Statement.holding (
        comparison
            plain
            "state.power-ordering"
            "The event whose sender has more power, by its own auth events, comes first."
    )
    plain
        "state.mainline"
        "The mainline of a power levels event is the event itself, the power levels among its auth events, those \
         among theirs, and so on."
    plain
        "state.mainline-position"
        "An event's mainline position is that of the first power levels event, going on from its own auth events in the same way, which is in \
         the mainline; beyond every other if none is."
    plain "state.mainline-ordering" "The mainline ordering by a power levels event:"
    |> Statement.holding (
        comparison plain "state.mainline-ordering" "The event with the greater mainline position comes first."
    )
    plain
        "state.auth-checks"
        "The iterative auth checks go through a list of events and put each into the state so far, if the authorization rules allow it there. \
         What the rules ask for and the state lacks is taken from the event's auth events, unless it was rejected."
    plain "state.resolve" "Resolving:"
    |> Statement.holding (resolving plain valued algorithm |> Statement.numbered)
    plain
        "state.rejected"
        "An event that was rejected because of the state before it takes part as any other. Where the checks fall back on an event's auth \
         events, rejected ones are not used."
]

/// The steps of a version's state resolution.
let statements (version: RoomVersion) : Statement list =
    let link = Links.room version.Page "state-resolution"
    let plain = Statement.plain link
    let valued = Statement.valued link
    let algorithm = version.Settings.StateResolution

    valued "state.algorithm" "Which algorithm resolves states that conflict." algorithm.Name
    :: after plain
    @ (if algorithm.IsByType then
           first plain
       else
           second algorithm plain valued)
