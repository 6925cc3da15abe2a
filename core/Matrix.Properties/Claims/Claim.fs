namespace Matrix.Properties.Claims

open Matrix.Rules

/// A power or a level in a claim. What counts as a level, who is a creator and with what power is stated for each
/// version by its number (`Stated`), and never read from the version's settings.
[<RequireQualifiedAccess>]
type Amount =
    /// The power of a user before the event.
    | Of of User
    /// The power of a user after the event, if it sets the room's power levels; otherwise the power before.
    | OfAfter of User
    /// A level with a name, before the event.
    | Level of NamedLevel
    /// The level that the event's type requires.
    | Required
    /// The level of the current entry before; absent if there is no entry or its value is no level.
    | EntryBefore
    /// The level of the current entry after; absent if there is no entry or its value is no level.
    | EntryAfter
    | Number of int64

/// What a claim says of the current entry of the power levels.
[<RequireQualifiedAccess>]
type EntryFact =
    /// The power levels before have it, whatever its value is.
    | Before
    /// The event has it, whatever its value is.
    | After
    /// The JSON values before and after differ, or one of them is missing.
    | Differs
    /// The value after is an integer.
    | IntegerAfter
    /// The value after is an object.
    | ObjectAfter
    /// The key is a user id in the form that events may have.
    | UserIdKey

/// What a claim says: a formula over the event, the facts about it, the state before, and the verdict.
[<RequireQualifiedAccess>]
type Statement =
    /// A condition without the words for powers, creators and levels (`Compare`, `KeysNameACreator`, `NewIsNoLevel`,
    /// and the shape `Level`). Which auth events are selected is stated by the version's number too.
    | Says of Condition
    | Not of Statement
    | All of Statement list
    | Any of Statement list
    /// The event is accepted.
    | Allowed
    /// The user is a creator of the room.
    | Creator of User
    /// False where either side is absent.
    | Compares of Amount * Relation * Amount
    /// For every user, named `User.EntryKey` inside. The current entry is the user's in `users`, which may be missing.
    | Everybody of Statement
    /// For some user, named `User.EntryKey` inside. The current entry is the user's in `users`, which may be missing.
    | Somebody of Statement
    /// For every entry that the power levels have before or after; its key is `User.EntryKey` inside.
    | EveryEntry of Entries * Statement
    /// For some entry that the power levels have before or after; its key is `User.EntryKey` inside.
    | SomeEntry of Entries * Statement
    | Entry of EntryFact

/// A kind of case in which a claim does not hold.
type Exception = {
    /// Such as `own-level`.
    Name: string
    /// Why the specification has it so.
    Why: string
    /// The first and the last version that has it.
    Since: int
    Until: int
    /// The cases, and nothing more: without any part of it the claim fails.
    Is: Statement
}

/// A statement about every decision, except its exceptions.
type Claim = {
    /// A sentence with hyphens, such as `the-banned-send-nothing`.
    Name: string
    /// The same in full.
    Sentence: string
    /// Where the specification says so, such as `v1.19 rooms/v1#authorisation-rules`; or the intent.
    Section: string
    /// Why rooms need it.
    Reason: string
    /// The first and the last version that it is about.
    Since: int
    Until: int
    /// The decisions that it is about.
    When: Statement
    /// What holds of them.
    Then: Statement
    Exceptions: Exception list
}

/// Reads statements.
[<RequireQualifiedAccess>]
module Statement =

    /// The statement and all of its parts.
    let rec all (statement: Statement) : Statement list =
        statement
        :: match statement with
           | Statement.Not inner
           | Statement.Everybody inner
           | Statement.Somebody inner
           | Statement.EveryEntry(_, inner)
           | Statement.SomeEntry(_, inner) -> all inner
           | Statement.All parts
           | Statement.Any parts -> List.collect all parts
           | Statement.Says _
           | Statement.Allowed
           | Statement.Creator _
           | Statement.Compares _
           | Statement.Entry _ -> []

    /// The conditions in a statement, and all of their parts.
    let conditions (statement: Statement) : Condition list =
        all statement
        |> List.collect (function
            | Statement.Says condition -> Condition.all condition
            | _ -> [])

    // One of each, in every combination.
    let private combined (choices: 'a list list) : 'a list list =
        List.foldBack
            (fun some rest -> [
                for one in some do
                    for others in rest -> one :: others
            ])
            choices
            [ [] ]

    let rec private casesOf (condition: Condition) : Condition list =
        match condition with
        | Condition.Or parts -> List.collect casesOf parts
        | Condition.And parts -> parts |> List.map casesOf |> combined |> List.map Condition.And
        | Condition.MembershipIn(user, memberships) -> [ for m in memberships -> Condition.MembershipIn(user, [ m ]) ]
        | Condition.JoinRuleIn rules -> [ for rule in rules -> Condition.JoinRuleIn [ rule ] ]
        | other -> [ other ]

    /// The statements of which one has to hold: a statement's own cases, down to what is not listed as one of several.
    let rec cases (statement: Statement) : Statement list =
        match statement with
        | Statement.Any parts -> List.collect cases parts
        | Statement.All parts -> parts |> List.map cases |> combined |> List.map Statement.All
        | Statement.Says condition -> casesOf condition |> List.map Statement.Says
        | other -> [ other ]

/// Reads claims.
[<RequireQualifiedAccess>]
module Claim =

    /// Everything that a claim says.
    let statements (claim: Claim) : Statement list =
        claim.When :: claim.Then :: (claim.Exceptions |> List.map _.Is)
