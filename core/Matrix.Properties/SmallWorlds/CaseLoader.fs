namespace Matrix.Properties.SmallWorlds

open System
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Properties.Generators
open Matrix.Properties.Reference.Authorization

/// A slot of the state, filled or empty.
[<Sealed; AllowNullLiteral>]
type internal Filled(event: AuthEvent | null) =
    member _.Event = event

/// The event in question, with the slots that it has to name in `auth_events`.
[<Sealed; AllowNullLiteral>]
type internal Asked(pdu: Pdu, selected: Slot[]) =
    member _.Pdu = pdu
    member _.Selected = selected

/// The facts about the event in question.
[<Sealed; AllowNullLiteral>]
type internal Known(said: Said) =
    member _.Said = said

/// A part of a world that is built when it is first needed. Threads may share it, since all of them build the same.
[<Sealed>]
type internal Store<'a, 'b when 'b: null>(world: World, version: RoomVersion, part: Part<'a>, finish: 'a -> 'b) =

    let places = [| for axis in part.Axes -> axis.Index |]
    let sizes = places |> Array.map (fun place -> world.Axes[place].Choices.Length)
    let mask = Axes.mask part.Axes
    let cells: 'b[] = Array.zeroCreate (Array.fold (*) 1 sizes)

    member _.Get(case: int[]) : 'b =
        let mutable at = 0

        for i in 0 .. places.Length - 1 do
            at <- at * sizes[i] + case[places[i]]

        match cells[at] with
        | null ->
            let built = part.Build version (CaseReader(case, mask)) |> finish
            cells[at] <- built
            built
        | built -> built

/// A world in a room of one version. Every event is built once for all cases that have it.
[<Sealed>]
type Ground(world: World, version: RoomVersion, rules: AuthRules) =

    let room = Draft.roomOf version Universe.createId

    let placed (draft: Draft option) : Filled =
        match draft with
        | None -> Filled null
        | Some draft -> Filled(rules.Read(Draft.toPdu version { draft with Room = room }))

    let slotOf (struct (eventType: string, key: string)) : Slot option =
        match eventType, key with
        | "m.room.create", "" -> Some Slot.Create
        | "m.room.power_levels", "" -> Some Slot.Levels
        | "m.room.join_rules", "" -> Some Slot.JoinRules
        | "m.room.third_party_invite", key when key = Universe.token -> Some Slot.Invitation
        | "m.room.member", key when key = Universe.alice -> Some Slot.Alice
        | "m.room.member", key when key = Universe.bob -> Some Slot.Bob
        | "m.room.member", key when key = Universe.carol -> Some Slot.Carol
        | _ -> None

    let asked (draft: Draft) : Asked =
        let pdu = Draft.toPdu version draft

        Asked(
            pdu,
            rules.SelectionOf(pdu.Type, pdu.Sender, pdu.StateKey, pdu.Content)
            |> Array.choose slotOf
        )

    let nothing = {
        Axes = []
        Build = fun _ _ -> (None: Draft option)
    }

    member val internal Slots: Store<Draft option, Filled>[] =
        [|
            for slot in 0..6 ->
                let part =
                    world.State
                    |> List.tryFind (fun (place, _) -> int place = slot)
                    |> Option.map snd
                    |> Option.defaultValue nothing

                Store(world, version, part, placed)
        |]

    new(world, version) = Ground(world, version, AuthRules version)

    member val internal Asking = Store(world, version, world.Event, asked)
    member val internal Knowing = Store(world, version, world.Facts, Known)

    member val internal Topic =
        Draft.toPdu version {
            Draft.state Universe.alice "m.room.topic" "" [] with
                Room = room
        }

    /// The type of the event in question.
    member internal this.TypeOf(case: int[]) : string = this.Asking.Get(case).Pdu.Type
    /// The world.
    member _.World = world
    /// The version of the room.
    member _.Version = version
    /// The version's rules.
    member _.Rules = rules

/// Loads the cases of a world in a room of one version, one after the other. For one thread.
[<Sealed>]
type CaseLoader(ground: Ground) =

    let stores = ground.Slots
    let slots: (AuthEvent | null)[] = Array.zeroCreate stores.Length
    let mutable event: Pdu = ground.Topic

    let mutable facts: AuthFacts = AuthFacts.OfAccepted [||]
    let mutable citedAsSelected = true
    let mutable selectedSlots: Slot[] = [||]

    let cite (slot: Slot) (cited: GivenAuthEvent[]) =
        match slots[int slot] with
        | null -> cited
        | event -> Array.append cited [| { Event = event.Pdu; Rejected = false } |]

    let isOf (slot: Slot) (cited: GivenAuthEvent) =
        match slots[int slot] with
        | null -> false
        | event -> Object.ReferenceEquals(event.Pdu, cited.Event)

    let elsewhere (event: Pdu) =
        Draft.toPdu ground.Version {
            Draft.state event.Sender event.Type (string event.StateKey) [] with
                Room = "!another:one"
        }

    let selected (wanted: Slot[]) : GivenAuthEvent[] =
        let mutable count = 0

        for slot in wanted do
            if not (isNull slots[int slot]) then
                count <- count + 1

        let cited: GivenAuthEvent[] = Array.zeroCreate count
        count <- 0

        for slot in wanted do
            match slots[int slot] with
            | null -> ()
            | event ->
                cited[count] <- { Event = event.Pdu; Rejected = false }
                count <- count + 1

        cited

    let topic: GivenAuthEvent = {
        Event = ground.Topic
        Rejected = false
    }

    let citations (asked: Asked) (citing: Citing) : GivenAuthEvent[] =
        let right = selected asked.Selected

        match citing with
        | Citing.AsSelected -> right
        | Citing.Without slot -> right |> Array.filter (isOf slot >> not)
        | Citing.Twice slot -> Array.append right (right |> Array.filter (isOf slot))
        | Citing.Also slot when right |> Array.exists (isOf slot) -> right
        | Citing.Also slot -> cite slot right
        | Citing.AlsoTopic -> Array.append right [| topic |]
        | Citing.AlsoTopicTwice -> Array.append right [| topic; topic |]
        | Citing.AlsoTopicRejected -> Array.append right [| { topic with Rejected = true } |]
        | Citing.Rejected slot -> right |> Array.map (fun c -> { c with Rejected = isOf slot c })
        | Citing.Elsewhere slot ->
            right
            |> Array.map (fun c ->
                if isOf slot c then
                    { c with Event = elsewhere c.Event }
                else
                    c)
        | Citing.RejectedElsewhere slot ->
            right
            |> Array.map (fun c ->
                if isOf slot c then
                    {
                        Event = elsewhere c.Event
                        Rejected = true
                    }
                else
                    c)

    /// Loads a case, given as the choice on each axis.
    member _.Load(case: int[]) =
        for i in 0 .. stores.Length - 1 do
            slots[i] <- stores[i].Get(case).Event

        let asked = ground.Asking.Get case
        let said = ground.Knowing.Get(case).Said
        event <- asked.Pdu
        selectedSlots <- asked.Selected
        citedAsSelected <- said.Citing.IsAsSelected

        facts <- {
            AuthEvents = citations asked said.Citing
            Signers = said.Signers
            ThirdPartyKeys = said.ThirdPartyKeys
            HasRoomId = said.HasRoomId
        }

    /// The world in a room of a version.
    member _.Ground = ground
    /// The event in question.
    member _.Event = event
    /// The facts about it.
    member _.Facts = facts
    /// Whether its auth events are those of the selection, each accepted and of this room.
    member _.IsCitedAsSelected = citedAsSelected

    /// Whether no selected event of the state is missing from its auth events.
    member _.CitesAllSelected =
        selected selectedSlots
        |> Array.forall (fun wanted ->
            facts.AuthEvents
            |> Array.exists (fun c -> Object.ReferenceEquals(c.Event, wanted.Event)))

    /// The event in a slot of the state.
    member _.Slot(slot: Slot) : AuthEvent | null = slots[int slot]

    /// The decision of an evaluator compiled from the tables of this version, or of one that differs in its rules
    /// alone.
    member this.Decide(rules: AuthRules) : Decision = rules.Decide(event, this, facts)

    /// The decision of the literal evaluator, by any version's tables.
    member this.DecideLiterally(version: RoomVersion) : Decision =
        AuthReference.ask {
            Version = version
            Event = event
            Find =
                fun eventType key ->
                    match (this :> IAuthState).Find(eventType, key) with
                    | null -> None
                    | event -> Some event.Pdu
            Facts = facts
        }

    /// The case as a value, to be kept and printed.
    member _.Case: AuthCase = {
        Version = ground.Version
        Event = event
        State =
            Map [
                for slot in slots do
                    match slot with
                    | null -> ()
                    | event -> (event.Pdu.Type, string event.Pdu.StateKey), event.Pdu
            ]
        Facts = facts
    }

    interface IAuthState with
        member _.Find(eventType, stateKey) =
            match eventType with
            | "m.room.member" ->
                if String.Equals(stateKey, Universe.alice) then slots[4]
                elif String.Equals(stateKey, Universe.bob) then slots[5]
                elif String.Equals(stateKey, Universe.carol) then slots[6]
                else null
            | "m.room.power_levels" -> if stateKey.Length = 0 then slots[1] else null
            | "m.room.create" -> if stateKey.Length = 0 then slots[0] else null
            | "m.room.join_rules" -> if stateKey.Length = 0 then slots[2] else null
            | "m.room.third_party_invite" ->
                if String.Equals(stateKey, Universe.token) then
                    slots[3]
                else
                    null
            | _ -> null
