namespace Matrix.Properties.SmallWorlds

open System.Collections.Generic
open Matrix.Rules
open Matrix.Properties.Generators

/// A slot in the state of a small room.
[<RequireQualifiedAccess>]
type Slot =
    | Create = 0
    | Levels = 1
    | JoinRules = 2
    /// The third-party invitation of `Universe.token`.
    | Invitation = 3
    | Alice = 4
    | Bob = 5
    | Carol = 6

/// The `auth_events` of the event in question.
[<RequireQualifiedAccess>]
type Citing =
    /// The events of the state that the auth events selection names.
    | AsSelected
    | Without of Slot
    /// As selected, with this event twice.
    | Twice of Slot
    /// As selected, and this event, selected or not.
    | Also of Slot
    /// As selected, and the room's topic, which is never selected.
    | AlsoTopic
    /// As selected, and the topic twice.
    | AlsoTopicTwice
    /// As selected, and the topic, which was rejected.
    | AlsoTopicRejected
    /// As selected, but this event, if selected, was rejected.
    | Rejected of Slot
    /// As selected, but with another room's event in place of this one, if selected.
    | Elsewhere of Slot
    /// As selected, but with another room's rejected event in place of this one, if selected.
    | RejectedElsewhere of Slot

/// The facts about the event in question that it does not contain.
type Said = {
    Citing: Citing
    /// The servers whose signatures are valid.
    Signers: string[]
    /// Public keys with which the third-party invitation was signed.
    ThirdPartyKeys: string[]
    /// Whether the event was received with a `room_id`.
    HasRoomId: bool
}

/// A part of the room that depends on a few axes only, and is built once for each combination of their choices.
[<NoEquality; NoComparison>]
type Part<'a> = {
    Axes: IAxis list
    Build: RoomVersion -> CaseReader -> 'a
}

/// A case after @bob:one and @carol:two are swapped: each axis takes the choice of the axis in `Source`, renamed.
type Swap = { Source: int[]; Renamed: int[][] }

/// A named family of decisions: the product of some axes, and the meaning of each case in a room of any version.
[<NoEquality; NoComparison>]
type World = {
    /// Such as `joins`.
    Name: string
    /// Its decisions, in a sentence.
    Meaning: string
    /// The kinds of its events.
    Kinds: EventKind list
    Axes: Axis[]
    /// The least weight of a case: the state events that all cases have.
    Base: int
    /// For each axis, whether it makes no difference, given the version and the choices on the axes before it. If so,
    /// only its lightest choice counts. None if it always makes a difference.
    Idle: (RoomVersion -> CaseReader -> bool) option[]
    /// The lightest choice of each axis.
    Lightest: int[]
    /// Set if no decision depends on which of the two users is which.
    Swap: Swap option
    State: (Slot * Part<Draft option>) list
    Event: Part<Draft>
    Facts: Part<Said>
}

/// Builds a world: first its axes, then their meaning.
[<Sealed>]
type WorldBuilder(name: string, meaning: string) =

    let axes = List<Axis>()
    let idle = List<(RoomVersion -> CaseReader -> bool) option>()
    let state = List<Slot * Part<Draft option>>()
    let exchanged = Dictionary<int, int>()
    let renamed = Dictionary<int, int[]>()

    let mutable kinds: EventKind list = []

    let mutable facts: Part<Said> = {
        Axes = []
        Build =
            fun _ _ -> {
                Citing = Citing.AsSelected
                Signers = [| "one"; "two" |]
                ThirdPartyKeys = [||]
                HasRoomId = false
            }
    }

    /// The types of its events that are not member events.
    member _.Types(types: string list) =
        kinds <-
            [
                for eventType in List.distinct types -> { Type = eventType; Membership = "" }
            ]
            @ kinds

    /// The memberships of its member events; "" for one that no rule names.
    member _.Memberships(memberships: string list) =
        kinds <-
            [
                for membership in memberships ->
                    {
                        Type = "m.room.member"
                        Membership = membership
                    }
            ]
            @ kinds

    /// Adds an axis after the others. Each choice is a description, a weight and a value.
    member _.Axis(axis: string, choices: (string * int * 'a) list) : AxisOf<'a> =
        let described = {
            Name = axis
            Choices = [| for words, weight, _ in choices -> { Words = words; Weight = weight } |]
        }

        axes.Add described
        idle.Add None
        AxisOf<'a>(axes.Count - 1, described, [| for _, _, value in choices -> value |])

    /// Adds an axis that makes no difference in some cases, depending on the version and the axes before it.
    member this.AxisUnless
        (axis: string, choices: (string * int * 'a) list, isIdle: RoomVersion -> CaseReader -> bool)
        : AxisOf<'a> =
        let added = this.Axis(axis, choices)
        idle[added.Index] <- Some isIdle
        added

    /// An axis of users.
    member this.Who(axis: string, users: string list) : AxisOf<string> =
        this.Axis(
            axis,
            [
                for i, user in List.indexed users -> $"{axis} is {Universe.nameOf user}", min i 1, user
            ]
        )

    /// The event in a slot of the state.
    member _.State(slot: Slot, axes: IAxis list, build: RoomVersion -> CaseReader -> Draft option) =
        state.Add(slot, { Axes = axes; Build = build })

    /// The facts about the event that it does not contain.
    member _.Facts(axes: IAxis list, build: RoomVersion -> CaseReader -> Said) = facts <- { Axes = axes; Build = build }

    /// These axes are swapped when @bob:one and @carol:two are.
    member _.Exchanges(a: IAxis, b: IAxis) =
        exchanged[a.Index] <- b.Index
        exchanged[b.Index] <- a.Index

    /// When @bob:one and @carol:two are swapped, so are the choices of this axis that name them.
    member _.Renames(axis: AxisOf<string>) =
        renamed[axis.Index] <-
            axis.Values
            |> Array.map (fun user -> System.Array.IndexOf(axis.Values, Universe.swapped user))

    /// The finished world, given the event in question.
    member _.Asks(eventAxes: IAxis list, build: RoomVersion -> CaseReader -> Draft) : World =
        let swap =
            if exchanged.Count = 0 && renamed.Count = 0 then
                None
            else
                Some {
                    Source = [|
                        for place in 0 .. axes.Count - 1 ->
                            match exchanged.TryGetValue place with
                            | true, other -> other
                            | _ -> place
                    |]
                    Renamed = [|
                        for place in 0 .. axes.Count - 1 ->
                            match renamed.TryGetValue place with
                            | true, choices -> choices
                            | _ -> Array.init axes[place].Choices.Length id
                    |]
                }

        {
            Name = name
            Meaning = meaning
            Kinds = kinds
            Axes = axes.ToArray()
            Base =
                state
                |> Seq.filter (fun (_, part) ->
                    part.Axes.IsEmpty && (part.Build Versions.v12 (CaseReader([||], 0L))).IsSome)
                |> Seq.length
            Idle = idle.ToArray()
            Lightest = [|
                for axis in axes ->
                    let weights = axis.Choices |> Array.map _.Weight
                    System.Array.IndexOf(weights, Array.min weights)
            |]
            Swap = swap
            State = List.ofSeq state
            Event = { Axes = eventAxes; Build = build }
            Facts = facts
        }

/// Reads the cases of a world.
[<RequireQualifiedAccess>]
module World =

    /// The number of cases before equivalent ones are left out.
    let rawCount (world: World) : int64 =
        world.Axes
        |> Array.fold (fun product axis -> product * int64 axis.Choices.Length) 1L

    /// A case's distance from the empty room: the number of state events and of deviations from the ordinary.
    let weight (world: World) (case: int[]) : int =
        let mutable sum = world.Base

        for place in 0 .. case.Length - 1 do
            sum <- sum + world.Axes[place].Choices[case[place]].Weight

        sum

    /// A case in words: its choices that are not ordinary.
    let describe (world: World) (case: int[]) : string list = [
        for place in 0 .. case.Length - 1 do
            let words = world.Axes[place].Choices[case[place]].Words

            if words <> "" then
                words
    ]

    /// The case after @bob:one and @carol:two are swapped.
    let swapped (swap: Swap) (case: int[]) : int[] =
        Array.init case.Length (fun place -> swap.Renamed[place][case[swap.Source[place]]])

    /// Whether the case comes no later than its swapped case.
    let isFirstOfPair (swap: Swap) (case: int[]) : bool =
        let mutable place = 0
        let mutable order = 0

        while order = 0 && place < case.Length do
            order <- case[place] - swap.Renamed[place][case[swap.Source[place]]]
            place <- place + 1

        order <= 0
