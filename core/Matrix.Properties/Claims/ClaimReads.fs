namespace Matrix.Properties.Claims

open Matrix.Rules
open Matrix.Properties.Claims
open Matrix.Properties.SmallWorlds

/// What claims read, for worlds that vary it.
[<RequireQualifiedAccess>]
module ClaimReads =

    let private power (amount: Amount) : Power option =
        match amount with
        | Amount.Of who
        | Amount.OfAfter who -> Some(Power.Of who)
        | Amount.Level level -> Some(Power.Level level)
        | Amount.Required -> Some Power.Required
        | Amount.Number number -> Some(Power.Constant number)
        | Amount.EntryBefore
        | Amount.EntryAfter -> None

    let private conditions (statement: Statement) : Condition list =
        match statement with
        | Statement.Says condition -> [ condition ]
        | Statement.Compares(a, relation, b) ->
            Option.map2 (fun a b -> Condition.Compare(a, relation, b)) (power a) (power b)
            |> Option.toList
        | _ -> []

    let private entries (statement: Statement) : Entries option =
        match statement with
        | Statement.EveryEntry(entries, _)
        | Statement.SomeEntry(entries, _) -> Some entries
        | _ -> None

    /// A version whose rules read what these claims read. It decides nothing, and only shows worlds what to vary.
    let of' (version: RoomVersion) (claims: Claim list) : RoomVersion =
        let head: Head = {
            Name = "claims"
            Text = "What claims read."
            Reading = None
        }

        let parts = claims |> List.collect Claim.statements |> List.collect Statement.all

        let read entries condition =
            Rule.ForEach(head, [], entries, condition, [])

        version
        |> Reads.only [
            read (Entries.Members []) (Condition.Or(List.collect conditions parts))

            for some in List.choose entries parts |> List.distinct do
                read some Condition.Always
        ]
