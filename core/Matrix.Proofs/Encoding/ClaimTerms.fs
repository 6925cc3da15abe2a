namespace Matrix.Proofs.Encoding

open Matrix.Rules
open Matrix.Properties.Claims
open Matrix.Properties.SmallWorlds
open Matrix.Proofs.Smt

/// Claims as terms. Levels, creators, powers and the selection are those that are stated of the version by its number.
[<RequireQualifiedAccess>]
module ClaimTerms =

    /// What is stated of the levels and creators of versions with this number.
    let reading (number: int) : Reading = {
        Name = "stated"
        Values =
            if number <= 5 then
                PowerLevelValues.IntegersFloatsAndStrings
            elif number <= 9 then
                PowerLevelValues.IntegersAndStrings
            else
                PowerLevelValues.Integers
        Creators =
            if number <= 10 then Creators.ContentCreator
            elif number <= 11 then Creators.Sender
            else Creators.SenderAndAdditional
        CreatorPower =
            if number <= 11 then
                CreatorPower.HundredAtFirst
            else
                CreatorPower.Infinite
    }

    /// The stated selection in the words of tables.
    let selections (number: int) : Selection list = [
        for row in StatedSelections.of' number ->
            {
                Name = row.Type
                Text = ""
                Type = row.Type
                Key =
                    match row.Key with
                    | StatedKey.Empty -> SelectionKey.Empty
                    | StatedKey.Sender -> SelectionKey.User User.Sender
                    | StatedKey.Target -> SelectionKey.User User.StateKey
                    | StatedKey.AuthorisingUser -> SelectionKey.User User.Authorising
                    | StatedKey.Token -> SelectionKey.ThirdPartyToken
                When =
                    match row.Of with
                    | StatedEvents.Every -> Condition.Always
                    | StatedEvents.MemberEvents -> Condition.TypeIs "m.room.member"
                    | StatedEvents.MemberEventsOf(memberships, withMember) ->
                        Condition.And [
                            Condition.TypeIs "m.room.member"
                            Condition.Or [
                                for membership in Membership.all do
                                    if List.contains (Settings.membershipWord membership) memberships then
                                        Condition.MembershipIs membership
                            ]
                            if withMember <> "" then
                                Condition.ContentHas [ withMember ]
                        ]
            }
    ]

    /// Where claims stand: the verdict, and what is stated of the version.
    type Stated = {
        Number: int
        Place: Place
        /// The verdict that claims speak of.
        Allowed: Term
    }

    /// What is stated of a version.
    let stated (version: RoomVersion) (allowed: Term) : Stated =
        let number = numberOf version

        {
            Number = number
            Place = {
                Reading = reading number
                Selections = selections number
                Entry = None
            }
            Allowed = allowed
        }

    let private amount (stated: Stated) (it: Amount) : PowerTerm =
        let place = stated.Place
        let reading = place.Reading

        let entry (value: EntryTerm -> Term) =
            match place.Entry with
            | Some entry -> Powers.ofValue reading (value entry)
            | None -> Powers.ofValue reading Words.absent

        match it with
        | Amount.Of who -> Conditions.user place who |> Powers.ofUser (Powers.power reading)
        | Amount.OfAfter who -> Conditions.user place who |> Powers.ofUser (Powers.powerAfter reading)
        | Amount.Level level -> Powers.level (Powers.levelNamed reading Words.levels level)
        | Amount.Required -> Powers.level (Powers.required reading)
        | Amount.EntryBefore -> entry _.Before
        | Amount.EntryAfter -> entry _.After
        | Amount.Number n -> Powers.level (Term.number (bigint n))

    let private fact (place: Place) (it: EntryFact) : Term =
        match place.Entry with
        | None -> Term.no
        | Some entry ->
            match it with
            | EntryFact.Before -> Words.isThere entry.Before
            | EntryFact.After -> Words.isThere entry.After
            | EntryFact.Differs ->
                Term.not' (
                    Term.all [
                        Words.isThere entry.Before
                        Words.isThere entry.After
                        Term.equal entry.Before entry.After
                    ]
                )
            | EntryFact.IntegerAfter -> Words.isInteger entry.After
            | EntryFact.ObjectAfter -> Words.isObject entry.After
            | EntryFact.UserIdKey -> Term.app "is-user-id" [ entry.Key ]

    /// The entry of a map, or of the contents themselves, with this key.
    let private entryOf (path: string list) (key: Term) : EntryTerm = {
        Key = key
        Before = Words.get (Words.at path Words.levels) key
        After = Words.get (Words.at path Words.content) key
        IsMap = false
    }

    let private isEntry (entry: EntryTerm) =
        Term.any [ Words.isThere entry.Before; Words.isThere entry.After ]

    let rec private term (stated: Stated) (depth: int) (statement: Statement) : Term =
        let inner = term stated (depth + 1)

        let within (entry: EntryTerm) =
            term
                {
                    stated with
                        Place = { stated.Place with Entry = Some entry }
                }
                (depth + 1)

        let name = $"p{depth}"
        let bound = Term.symbol name

        match statement with
        | Statement.Says condition -> Conditions.holds stated.Place condition
        | Statement.Not part -> Term.not' (inner part)
        | Statement.All parts -> Term.all (List.map inner parts)
        | Statement.Any parts -> Term.any (List.map inner parts)
        | Statement.Allowed -> stated.Allowed
        | Statement.Creator who ->
            let user = Conditions.user stated.Place who
            Term.all [ user.IsThere; Powers.isCreator stated.Place.Reading user.Value ]
        | Statement.Compares(a, relation, b) -> Powers.compares (amount stated a) relation (amount stated b)
        | Statement.Everybody part -> Words.forEveryText name (within (entryOf [ "users" ] bound) part)
        | Statement.Somebody part -> Words.forSomeText name (within (entryOf [ "users" ] bound) part)
        | Statement.EveryEntry(Entries.Members names, part) ->
            Term.all [
                for member' in names do
                    let entry = entryOf [] (Words.literal member')
                    Term.implies (isEntry entry) (within entry part)
            ]
        | Statement.SomeEntry(Entries.Members names, part) ->
            Term.any [
                for member' in names do
                    let entry = entryOf [] (Words.literal member')
                    Term.all [ isEntry entry; within entry part ]
            ]
        | Statement.EveryEntry(Entries.Inside maps, part) ->
            Term.all [
                for map in maps do
                    let entry = entryOf [ map ] bound
                    Words.forEveryText name (Term.implies (isEntry entry) (within entry part))
            ]
        | Statement.SomeEntry(Entries.Inside maps, part) ->
            Term.any [
                for map in maps do
                    let entry = entryOf [ map ] bound
                    Words.forSomeText name (Term.all [ isEntry entry; within entry part ])
            ]
        | Statement.Entry it -> fact stated.Place it

    /// A statement as a term.
    let ofStatement (stated: Stated) (statement: Statement) : Term = term stated 0 statement

    /// That a claim is broken: its premise holds, and neither its conclusion nor an exception.
    let broken (stated: Stated) (claim: Claim) : Term =
        Term.all [
            ofStatement stated claim.When
            Term.not' (ofStatement stated claim.Then)
            for e in claim.Exceptions do
                Term.not' (ofStatement stated e.Is)
        ]

    /// The definitions that the terms of claims need.
    let definitions (stated: Stated) : Term list = Powers.definitions stated.Place.Reading
