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
    /// Whether it only says that such a decision can happen: then `When` is all that it says, and some case must show it.
    CanHappen: bool
}

/// How invariants are written.
[<AutoOpen>]
module InvariantWriting =

    /// Something that holds in every version.
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

    /// Something that accepted events can be, though a reader may not expect it.
    let canHappen (name: string) (about: string) (meaning: string) (shows: Scene -> bool) : Invariant = {
        invariant name about meaning (fun s -> s.Allowed && shows s) (fun _ -> true) with
            CanHappen = true
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

    /// The number of a version; of an unstable one, that of the version that it is based on.
    let rec private numberOf (version: RoomVersion) : int =
        match System.Int32.TryParse version.Id, version.Parent with
        | (true, number), _ -> number
        | _, Some parent -> Versions.tryFindUnstable parent |> Option.map numberOf |> Option.defaultValue 0
        | _, None -> 0

    /// Versions from this one on. What a version has is said by its number, and never by its tables: a rule that is missing there would switch
    /// off what is said of it.
    let since (first: int) (version: RoomVersion) : bool = numberOf version >= first

    /// Versions up to this one.
    let until (last: int) (version: RoomVersion) : bool = numberOf version <= last

    /// Versions in which state belongs to the user with whose id its key begins.
    let hasStateOwners (version: RoomVersion) : bool = version.Id = "org.example.owned-state"
