namespace Matrix.Properties.Claims

open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Properties.Claims

/// Statements in English, made from the data, to be compared with a claim's sentence.
[<RequireQualifiedAccess>]
module ClaimText =

    let private amount (it: Amount) : string =
        match it with
        | Amount.Of who -> "the power of " + Words.user who
        | Amount.OfAfter who -> "the power afterwards of " + Words.user who
        | Amount.Level named -> "the " + Words.level named + " level"
        | Amount.Required -> "the power that the event's type requires"
        | Amount.EntryBefore -> "the level before"
        | Amount.EntryAfter -> "the level after"
        | Amount.Number n -> string n

    let private relation (relation: Relation) : string =
        match relation with
        | Relation.Below -> "below"
        | Relation.AtMost -> "at most"
        | Relation.AtLeast -> "at least"
        | Relation.Above -> "above"

    let private fact (yes: bool) (it: EntryFact) : string =
        let isOrNot = if yes then " is " else " is not "

        match it with
        | EntryFact.Before -> "it" + (if yes then " was there" else " was not there")
        | EntryFact.After ->
            "it"
            + (if yes then
                   " is there afterwards"
               else
                   " is not there afterwards")
        | EntryFact.Differs -> "its value" + (if yes then " changes" else " stays as it is")
        | EntryFact.IntegerAfter -> "the value after" + isOrNot + "an integer"
        | EntryFact.ObjectAfter -> "the value after" + isOrNot + "an object"
        | EntryFact.UserIdKey -> "the key" + isOrNot + "a user id"

    let private entries (entries: Entries) : string =
        match entries with
        | Entries.Members names -> Words.all names
        | Entries.Inside maps -> "the entries of " + Words.all maps

    let private isList (condition: Condition) =
        match condition with
        | Condition.And(_ :: _ :: _)
        | Condition.Or(_ :: _ :: _) -> true
        | _ -> false

    // A list inside another list is in brackets. A list of one item reads as the item.
    let rec private words (nested: bool) (yes: bool) (statement: Statement) : string =
        let bracketed (text: string) =
            if nested then "(" + text + ")" else text

        let joined (word: string) (yes: bool) (parts: Statement list) =
            parts
            |> List.map (words true yes)
            |> String.concat (" " + word + " ")
            |> bracketed

        match statement with
        | Statement.Not inner -> words nested (not yes) inner
        | Statement.All []
        | Statement.Any [] when not yes -> words nested true statement
        | Statement.All [ one ]
        | Statement.Any [ one ] -> words nested yes one
        | Statement.All parts -> joined (if yes then "and" else "or") yes parts
        | Statement.Any parts -> joined (if yes then "or" else "and") yes parts
        | Statement.Says condition ->
            let text = Words.condition (if yes then condition else Condition.Not condition)
            if isList condition then bracketed text else text
        | Statement.Allowed -> if yes then "it is accepted" else "it is rejected"
        | Statement.Creator who ->
            Words.user who
            + (if yes then
                   " is a creator of the room"
               else
                   " is no creator of the room")
        | Statement.Compares(Amount.EntryBefore, Relation.AtLeast, Amount.EntryBefore) ->
            "the value before" + (if yes then " is a level" else " is no level")
        | Statement.Compares(Amount.EntryAfter, Relation.AtLeast, Amount.EntryAfter) ->
            "the value after" + (if yes then " is a level" else " is no level")
        | Statement.Compares(a, r, b) -> amount a + (if yes then " is " else " is not ") + relation r + " " + amount b
        | Statement.Everybody inner -> quantified yes "for every user" "not for every user" inner
        | Statement.Somebody inner -> quantified yes "for some user" "for no user" inner
        | Statement.EveryEntry(of', inner) ->
            quantified yes ("for each of " + entries of') ("not for each of " + entries of') inner
        | Statement.SomeEntry(of', inner) ->
            quantified yes ("for one of " + entries of') ("for none of " + entries of') inner
        | Statement.Entry it -> fact yes it

    and private quantified (yes: bool) (those: string) (notThose: string) (inner: Statement) : string =
        (if yes then those else notThose) + " (" + words false true inner + ")"

    /// A statement, to follow "if".
    let statement (statement: Statement) : string = words false true statement

    /// A span of versions.
    let span (first: int) (last: int) : string =
        match first, last with
        | 1, StatedSelections.Newest -> "all"
        | first, StatedSelections.Newest -> $"since {first}"
        | first, last when first = last -> string first
        | first, last -> $"{first} to {last}"
