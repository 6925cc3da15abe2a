namespace Matrix.Properties.Claims

open System
open Matrix.Rules
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Claims

/// Why something is no claim.
type ClaimFault = {
    /// The position of the claim in its list, from 0.
    Index: int
    Claim: string
    /// The member of its JSON form, such as `when.all[1].says`; "" for the claim as a whole.
    At: string
    Problem: string
} with

    override this.ToString() =
        if this.At = "" then
            $"{this.Claim}: {this.Problem}"
        else
            $"{this.Claim}: {this.At}: {this.Problem}"

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

    /// Whether the versions of a group that shares a run are all in the span, or all outside of it.
    let private isOfEras (first: int) (last: int) : bool =
        Array.contains first eras
        && (last = StatedSelections.Newest || Array.contains (last + 1) eras)

    let private known = eras |> Array.map string |> String.concat ", "

    /// The members of the JSON form whose versions do not begin and end with an era.
    let private spanFaults (at: string) (first: int) (last: int) : (string * string) list = [
        if first > last then
            at + "until", "it is about no version"
        elif not (Array.contains first eras) then
            at + "since", $"its versions do not begin with an era: expected one of {known}"
        elif not (isOfEras first last) then
            at + "until", $"its versions do not end with an era: expected the version before one of {known}, or null"
    ]

    /// The parts of a statement, each with its place and whether there is a current entry.
    let rec private parts (at: string) (inEntry: bool) (statement: Statement) : (string * bool * Statement) list =
        let each name items =
            items
            |> List.mapi (fun i item -> parts $"{at}.{name}[{i}]" inEntry item)
            |> List.concat

        (at, inEntry, statement)
        :: match statement with
           | Statement.Not inner -> parts $"{at}.not" inEntry inner
           | Statement.All items -> each "all" items
           | Statement.Any items -> each "any" items
           | Statement.Everybody inner -> parts $"{at}.everybody" true inner
           | Statement.Somebody inner -> parts $"{at}.somebody" true inner
           | Statement.EveryEntry(_, inner) -> parts $"{at}.every-entry[1]" true inner
           | Statement.SomeEntry(_, inner) -> parts $"{at}.some-entry[1]" true inner
           | Statement.Says _
           | Statement.Allowed
           | Statement.Creator _
           | Statement.Compares _
           | Statement.Entry _ -> []

    let private usersOf (amount: Amount) : User list =
        match amount with
        | Amount.Of who
        | Amount.OfAfter who -> [ who ]
        | _ -> []

    /// Whether one part of a statement speaks of a user, its own parts aside.
    let private speaksOf (who: User) (statement: Statement) : bool =
        match statement with
        | Statement.Says condition -> Condition.speaksOf who condition
        | Statement.Creator user -> user = who
        | Statement.Compares(a, _, b) -> List.contains who (usersOf a @ usersOf b)
        | _ -> false

    let private readsEntry (statement: Statement) : bool =
        let isOfEntry amount =
            amount = Amount.EntryBefore || amount = Amount.EntryAfter

        match statement with
        | Statement.Entry _ -> true
        | Statement.Compares(a, _, b) when isOfEntry a || isOfEntry b -> true
        | other -> speaksOf User.EntryKey other

    let private ofStatement (at: string) (statement: Statement) : (string * string) list = [
        for at, inEntry, part in parts at false statement do
            match part with
            | Statement.Says condition when Condition.all condition |> List.exists readsSettings ->
                at + ".says", "it has words of conditions for powers, creators or levels: claims have their own"
            | _ when readsEntry part && not inEntry ->
                at, "it reads an entry outside of everybody, somebody, every-entry and some-entry"
            | _ when speaksOf User.RedactedSender part ->
                at, "it reads the sender of a redacted event, which the authorization rules do not"
            | _ -> ()
    ]

    let private ofExceptions (exceptions: Exception list) : (string * string) list = [
        for i, e in List.indexed exceptions do
            let at = $"exceptions[{i}]."

            if not (isName e.Name) then
                at + "name", "expected a name of small letters, digits and hyphens"

            yield! spanFaults at e.Since e.Until

            if e.Why = "" then
                at + "why", $"its exception {e.Name} has no reason"

            if Statement.all e.Is |> List.contains Statement.Allowed then
                at + "is", $"its exception {e.Name} reads the verdict"

            yield! ofStatement (at + "is") e.Is
    ]

    let private ofClaim (claim: Claim) : (string * string) list = [
        if not (isName claim.Name && claim.Name.Contains '-') then
            "name", "its name is no sentence with hyphens"

        if not (claim.Sentence.EndsWith '.') then
            "sentence", "its sentence does not end: expected a full stop"

        if claim.Section = "" then
            "section", "it has no section"

        if not (claim.Reason.EndsWith '.') then
            "reason", "it has no reason: expected a sentence with a full stop"

        yield! spanFaults "" claim.Since claim.Until

        if
            not (
                Statement.all claim.When @ Statement.all claim.Then
                |> List.contains Statement.Allowed
            )
        then
            "", "it says nothing of the verdict: neither when nor then has \"allowed\""

        yield! ofStatement "when" claim.When
        yield! ofStatement "then" claim.Then
        yield! ofExceptions claim.Exceptions
    ]

    let private overlap (a: int * int) (b: int * int) : bool = fst a <= snd b && fst b <= snd a

    /// What is wrong with claims, in their order.
    let faults (claims: Claim list) : ClaimFault list = [
        for index, claim in List.indexed claims do
            let fault at problem = {
                Index = index
                Claim = claim.Name
                At = at
                Problem = problem
            }

            for at, problem in ofClaim claim do
                fault at problem

            let span = claim.Since, claim.Until

            if
                List.truncate index claims
                |> List.exists (fun other -> other.Name = claim.Name && overlap (other.Since, other.Until) span)
            then
                fault "name" "a version has it twice"

            for i, e in List.indexed claim.Exceptions do
                if
                    List.truncate i claim.Exceptions
                    |> List.exists (fun other ->
                        other.Name = e.Name && overlap (other.Since, other.Until) (e.Since, e.Until))
                then
                    fault $"exceptions[{i}].name" "a version has this exception twice"
    ]
