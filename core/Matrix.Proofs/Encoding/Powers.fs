namespace Matrix.Proofs.Encoding

open Matrix.Rules
open Matrix.Proofs.Smt

/// A term that may be absent.
type Maybe = { IsThere: Term; Value: Term }

/// A power: a level, or more than any level.
type PowerTerm = {
    IsThere: Term
    IsInfinite: Term
    Level: Term
}

/// How a version, or what is stated of one, reads levels and creators. Each reading is defined once in a file, under a
/// name of its own, because a file may compare two of them.
type Reading = {
    /// Such as `11` or `stated 11`.
    Name: string
    Values: PowerLevelValues
    Creators: Creators
    CreatorPower: CreatorPower
}

/// Levels, creators and powers. v1.19 client-server-api#mroompower_levels
[<RequireQualifiedAccess>]
module Powers =

    let private x, j = Term.symbol "x", Term.symbol "j"

    let private named (reading: Reading) (name: string) = $"{reading.Name}: {name}"

    /// Whether a value counts as a level.
    let isLevel (reading: Reading) (value: Term) : Term =
        Term.app (named reading "is-level") [ value ]

    /// Whether a value counts as a level, by these values.
    let isLevelOf (values: PowerLevelValues) (value: Term) : Term =
        let integer = Words.isInteger value

        let text =
            Term.all [ Words.isText value; Term.app "is-level-text" [ Words.textOf value ] ]

        match values with
        | PowerLevelValues.Integers -> integer
        | PowerLevelValues.IntegersAndStrings -> Term.any [ integer; text ]
        | PowerLevelValues.IntegersFloatsAndStrings -> Term.any [ integer; text; Term.isMadeBy "fraction" value ]

    /// The level of a value that counts as one.
    let levelOf (value: Term) : Term = Term.app "level-of" [ value ]

    /// Defined once for all readings: they differ in what counts, not in what it counts as.
    let shared: Term list = [
        Term.define
            "level-of"
            [ "j", "Json" ]
            "Int"
            (Term.ite
                (Words.isInteger j)
                (Term.app "integer-value" [ j ])
                (Term.ite
                    (Words.isText j)
                    (Term.app "level-of-text" [ Words.textOf j ])
                    (Term.app "fraction-level" [ j ])))
    ]

    let private create = "m.room.create"
    let private createHas = Words.inStateAlone create
    let private createContent = Words.contentAlone create

    /// The user that the create event's content names.
    let contentCreator: Maybe =
        let value = Words.at [ "creator" ] createContent

        {
            IsThere = Term.all [ createHas; Words.isText value ]
            Value = Words.textOf value
        }

    /// Whether a user is a creator of the room.
    let isCreator (reading: Reading) (user: Term) : Term =
        Term.app (named reading "is-creator") [ user ]

    let private creators (kind: Creators) : Term =
        match kind with
        | Creators.ContentCreator -> Term.all [ contentCreator.IsThere; Term.equal contentCreator.Value x ]
        | Creators.Sender -> Term.all [ createHas; Term.equal (Words.senderAlone create) x ]
        | Creators.SenderAndAdditional ->
            Term.all [
                createHas
                Term.any [
                    Term.equal (Words.senderAlone create) x
                    Words.contains (Words.at [ "additional_creators" ] createContent) x
                ]
            ]

    let private levelAt (reading: Reading) (value: Term) (otherwise: Term) : Term =
        Term.ite (isLevel reading value) (levelOf value) otherwise

    /// A level with a name in this content of a power levels event.
    let levelNamed (reading: Reading) (content: Term) (level: NamedLevel) : Term =
        let name, otherwise =
            match level with
            | NamedLevel.Invite -> "invite", 0I
            | NamedLevel.Kick -> "kick", 50I
            | NamedLevel.Ban -> "ban", 50I
            | NamedLevel.Redact -> "redact", 50I

        levelAt reading (Words.at [ name ] content) (Term.number otherwise)

    /// The level that the event's type requires.
    let required (reading: Reading) : Term =
        let otherwise =
            Term.ite
                Words.hasStateKey
                (levelAt reading (Words.at [ "state_default" ] Words.levels) (Term.number 50I))
                (levelAt reading (Words.at [ "events_default" ] Words.levels) (Term.number 0I))

        levelAt reading (Words.get (Words.at [ "events" ] Words.levels) Words.eventType) otherwise

    /// A user's level by this content of a power levels event.
    let private entry (reading: Reading) (content: Term) (user: Term) : Term =
        levelAt
            reading
            (Words.get (Words.at [ "users" ] content) user)
            (levelAt reading (Words.at [ "users_default" ] content) (Term.number 0I))

    let private hasLevels = Words.inStateAlone "m.room.power_levels"

    /// A user's power by this content, if there is an event of power levels or not.
    let private powerBy (reading: Reading) (content: Term) (hasLevels: Term) (user: Term) : PowerTerm =
        match reading.CreatorPower with
        | CreatorPower.Infinite -> {
            IsThere = Term.yes
            IsInfinite = isCreator reading user
            Level = entry reading content user
          }
        | CreatorPower.HundredAtFirst -> {
            IsThere = Term.yes
            IsInfinite = Term.no
            Level =
                Term.ite
                    (Term.all [ Term.not' hasLevels; isCreator reading user ])
                    (Term.number 100I)
                    (entry reading content user)
          }

    /// A user's power before the event.
    let power (reading: Reading) (user: Term) : PowerTerm = {
        IsThere = Term.yes
        IsInfinite =
            match reading.CreatorPower with
            | CreatorPower.Infinite -> isCreator reading user
            | CreatorPower.HundredAtFirst -> Term.no
        Level = Term.app (named reading "power") [ user ]
    }

    /// A user's power after the event, if it sets the room's power levels.
    let powerAfter (reading: Reading) (user: Term) : PowerTerm =
        let sets =
            Term.all [
                Term.equal Words.eventType (Words.literal "m.room.power_levels")
                Words.hasStateKey
                Term.equal Words.stateKey (Words.literal "")
            ]

        let after = powerBy reading Words.content Term.yes user
        let before = power reading user

        {
            before with
                Level = Term.ite sets after.Level before.Level
        }

    let level (value: Term) : PowerTerm = {
        IsThere = Term.yes
        IsInfinite = Term.no
        Level = value
    }

    /// The level of a JSON value, where it counts as one.
    let ofValue (reading: Reading) (value: Term) : PowerTerm = {
        IsThere = isLevel reading value
        IsInfinite = Term.no
        Level = levelOf value
    }

    /// The same power, absent where the term is.
    let ofUser (power: Term -> PowerTerm) (user: Maybe) : PowerTerm = {
        power user.Value with
            IsThere = user.IsThere
    }

    /// Whether two powers compare so; false where either is absent.
    let compares (a: PowerTerm) (relation: Relation) (b: PowerTerm) : Term =
        let ordered (low: PowerTerm) (high: PowerTerm) (orEqual: bool) =
            // Levels compare as integers; what is infinite is above all levels and equal to what is infinite.
            let levels = Term.call (if orEqual then "<=" else "<") [ low.Level; high.Level ]

            if orEqual then
                Term.any [ high.IsInfinite; Term.all [ Term.not' low.IsInfinite; levels ] ]
            else
                Term.all [ Term.not' low.IsInfinite; Term.any [ high.IsInfinite; levels ] ]

        Term.all [
            a.IsThere
            b.IsThere
            match relation with
            | Relation.Below -> ordered a b false
            | Relation.AtMost -> ordered a b true
            | Relation.AtLeast -> ordered b a true
            | Relation.Above -> ordered b a false
        ]

    /// The definitions of a reading.
    let definitions (reading: Reading) : Term list = [
        Term.define (named reading "is-level") [ "j", "Json" ] "Bool" (isLevelOf reading.Values j)
        Term.define (named reading "is-creator") [ "x", "Text" ] "Bool" (creators reading.Creators)
        Term.define (named reading "power") [ "x", "Text" ] "Int" (powerBy reading Words.levels hasLevels x).Level
    ]

    /// The reading of a version's settings.
    let readingOf (name: string) (settings: Settings) : Reading = {
        Name = name
        Values = settings.PowerLevelValues
        Creators = settings.Creators
        CreatorPower = settings.CreatorPower
    }
