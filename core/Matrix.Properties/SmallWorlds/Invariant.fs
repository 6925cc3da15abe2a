namespace Matrix.Properties.SmallWorlds

open Matrix.Rules

/// A kind of case in which an invariant does not hold, and why the specification has it so.
[<NoEquality; NoComparison>]
type Exemption = {
    /// Its name in reports, such as `own-level`.
    Name: string
    Why: string
    /// The versions that have it. The decisions of each of them must show it.
    In: RoomVersion -> bool
    Is: Scene -> bool
}

/// A statement about every decision of a kind, except its exceptions.
[<NoEquality; NoComparison>]
type Invariant = {
    /// Dotted and stable, such as `join.not-banned`.
    Name: string
    /// What holds, in one sentence.
    Meaning: string
    /// The versions that it is about.
    In: RoomVersion -> bool
    /// The type of the events that it is about; "" for all, and `-m.room.create` for all except create events.
    About: string
    /// The decisions that it is about.
    When: Scene -> bool
    Then: Scene -> bool
    Exceptions: Exemption list
    /// Whether it only says that such a decision can happen. Then `When` is its whole condition, and some case must
    /// show it.
    CanHappen: bool
}

/// Constructors of invariants.
[<AutoOpen>]
module InvariantWriting =

    /// A statement about every version.
    let invariant
        (name: string)
        (about: string)
        (meaning: string)
        (condition: Scene -> bool)
        (holds: Scene -> bool)
        : Invariant = {
        Name = name
        Meaning = meaning
        In = fun _ -> true
        About = about
        When = condition
        Then = holds
        Exceptions = []
        CanHappen = false
    }

    /// Says that an accepted event can be like this, even if readers would not expect it.
    let canHappen (name: string) (about: string) (meaning: string) (shows: Scene -> bool) : Invariant = {
        invariant name about meaning (fun s -> s.Allowed && shows s) (fun _ -> true) with
            CanHappen = true
    }

    /// A statement about accepted events in every version.
    let accepted (name: string) (about: string) (meaning: string) (holds: Scene -> bool) : Invariant =
        invariant name about meaning _.Allowed holds

    /// The same invariant, in some versions only.
    let inVersions (versions: RoomVersion -> bool) (invariant: Invariant) : Invariant = { invariant with In = versions }

    /// The invariant with an exception in some versions.
    let exceptIn
        (versions: RoomVersion -> bool)
        (name: string)
        (why: string)
        (holds: Scene -> bool)
        (invariant: Invariant)
        : Invariant = {
        invariant with
            Exceptions =
                invariant.Exceptions
                @ [
                    {
                        Name = name
                        Why = why
                        In = versions
                        Is = holds
                    }
                ]
    }

    /// The invariant with an exception in every version.
    let except (name: string) (why: string) (holds: Scene -> bool) (invariant: Invariant) : Invariant =
        exceptIn (fun _ -> true) name why holds invariant

    /// Every event except create events.
    let notCreate = "-m.room.create"
