namespace Matrix.Properties.SmallWorlds

open Matrix.Rules

/// A kind of case in which an invariant does not hold, and why the specification has it so.
[<NoEquality; NoComparison>]
type Exemption = {
    /// What reports call it, such as `own-level`.
    Name: string
    Why: string
    /// The versions that have it. A version that has it must show it.
    In: RoomVersion -> bool
    Is: Scene -> bool
}

/// What holds of every decision of a kind, save for its exceptions.
[<NoEquality; NoComparison>]
type Invariant = {
    /// Dotted and stable, such as `join.not-banned`.
    Name: string
    /// What holds, in one sentence.
    Meaning: string
    /// The versions of which it is said.
    In: RoomVersion -> bool
    /// The type of the events that it is about; "" of all, and `-m.room.create` of all but that.
    About: string
    /// The decisions that it is about.
    When: Scene -> bool
    Then: Scene -> bool
    Exceptions: Exemption list
}

/// How invariants are written.
[<AutoOpen>]
module InvariantWriting =

    /// Something that holds in every version.
    let invariant (name: string) (about: string) (meaning: string) (condition: Scene -> bool) (holds: Scene -> bool) : Invariant = {
        Name = name
        Meaning = meaning
        In = fun _ -> true
        About = about
        When = condition
        Then = holds
        Exceptions = []
    }

    /// Something that holds of accepted events in every version.
    let accepted (name: string) (about: string) (meaning: string) (holds: Scene -> bool) : Invariant =
        invariant name about meaning _.Allowed holds

    /// Only in some versions.
    let inVersions (versions: RoomVersion -> bool) (invariant: Invariant) : Invariant = { invariant with In = versions }

    /// With an exception, in some versions.
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

    /// With an exception.
    let except (name: string) (why: string) (holds: Scene -> bool) (invariant: Invariant) : Invariant =
        exceptIn (fun _ -> true) name why holds invariant

    /// Every event but create events.
    let notCreate = "-m.room.create"

    /// Versions whose authorization rules have one of this name.
    let having (rule: string) (version: RoomVersion) : bool =
        version.Authorization |> Rule.all |> List.exists (fun r -> Rule.name r = rule)

    /// The other versions.
    let lacking (rule: string) (version: RoomVersion) : bool = not (having rule version)
