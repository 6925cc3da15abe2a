namespace Matrix.Properties.Claims

open System
open Matrix.Rules
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Claims

/// Checks that claims are written as claims.
[<RequireQualifiedAccess>]
module ClaimLint =

    let rec private readsLevels (shape: Shape) : bool =
        match shape with
        | Shape.Level _ -> true
        | Shape.ListOf inner
        | Shape.ObjectOf inner
        | Shape.UsersTo inner -> readsLevels inner
        | Shape.False
        | Shape.Integer
        | Shape.UserId -> false

    /// Words of conditions whose meaning a version's settings decide.
    let private readsSettings (condition: Condition) : bool =
        match condition with
        | Condition.Compare _
        | Condition.NewIsNoLevel
        | Condition.KeysNameACreator _ -> true
        | Condition.ContentIs(_, shape)
        | Condition.StateContentIs(_, _, shape) -> readsLevels shape
        | Condition.SameUser(a, b) -> a = User.ContentCreator || b = User.ContentCreator
        | Condition.MembershipIn(user, _) -> user = User.ContentCreator
        | _ -> false

    let private isName (name: string) : bool =
        name <> ""
        && name
           |> Seq.forall (fun c -> Char.IsAsciiLetterLower c || Char.IsAsciiDigit c || c = '-')
        && name.Contains '-'

    /// Whether the versions of a group that shares a run are all in the span, or all outside of it.
    let private isOfEras (first: int) (last: int) : bool =
        Array.contains first eras
        && (last = StatedSelections.Newest || Array.contains (last + 1) eras)

    let private ofClaim (claim: Claim) : string list = [
        if not (isName claim.Name) then
            "its name is no sentence with hyphens"

        if not (claim.Sentence.EndsWith '.') then
            "its sentence does not end"

        if claim.Section = "" then
            "it has no section"

        if not (claim.Reason.EndsWith '.') then
            "it has no reason"

        if claim.Since > claim.Until then
            "it is about no version"

        if
            claim
            |> Claim.statements
            |> List.collect Statement.conditions
            |> List.exists readsSettings
        then
            "it has words of conditions for powers, creators or levels"

        if
            not (
                Statement.all claim.When @ Statement.all claim.Then
                |> List.contains Statement.Allowed
            )
        then
            "it says nothing of the verdict"

        if not (isOfEras claim.Since claim.Until) then
            "its versions do not begin and end with an era"

        for e in claim.Exceptions do
            if not (isOfEras e.Since e.Until) then
                $"the versions of its exception {e.Name} do not begin and end with an era"

            if e.Why = "" then
                $"its exception {e.Name} has no reason"

            if Statement.all e.Is |> List.contains Statement.Allowed then
                $"its exception {e.Name} reads the verdict"
    ]

    let private overlap (a: Claim) (b: Claim) : bool =
        a.Since <= b.Until && b.Since <= a.Until

    /// What is wrong with claims, each with the claim's name.
    let faults (claims: Claim list) : string list = [
        for claim in claims do
            for fault in ofClaim claim do
                $"{claim.Name}: {fault}"

        for name, same in claims |> List.groupBy _.Name do
            let pairs = List.pairwise (same |> List.sortBy _.Since)

            if pairs |> List.exists (fun (a, b) -> overlap a b) then
                $"{name}: a version has it twice"
    ]
