/// Accepted redactions, and the senders of the redacted events. v1.19 rooms/v3#handling-redactions;
/// v1.19 client-server-api#redactions
[<RequireQualifiedAccess>]
module Matrix.Properties.SmallWorlds.RedactingWorld

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds.Universe

let private keys: (string * int * (string -> string) option) list = [
    "", 0, None
    "the redaction is state", 2, Some(fun _ -> "")
    "the redaction is state of its sender", 2, Some id
]

let private ids: (string * int * string) list = [
    "", 0, "$x"
    "the identifier is of server one", 1, "$x:one"
    "the identifier is of server two", 1, "$x:two"
]

/// The world, and its axis for the sender of the redacted event.
let private built: World * AxisOf<string> =
    let w =
        WorldBuilder(
            "redactions",
            "Redactions by everyone, of everyone's events, with every user as the room's creator and every power \
             around the redact level and around the other action levels."
        )

    w.Types [ "m.room.redaction" ]
    let sender = w.Who("sender", users)
    let redacted = w.Who("the redacted event's sender", users)
    let key = w.Axis("state key", keys)
    let id = w.Axis("identifier", ids)
    let create = w.Axis("create", plain :: uncreated :: creators)
    let there = w.Axis("power levels", [ "", 0, false; "with power levels", 1, true ])
    let isUnset (_: RoomVersion) (at: CaseReader) = not (at.At there)
    let own = w.AxisUnless("sender's level", aroundAndOdd "sender has", isUnset)
    let others = w.AxisUnless("others' level", around "the others have", isUnset)

    let byDefault =
        w.AxisUnless("users_default", List.truncate 3 (around "users_default"), isUnset)

    let redact = w.AxisUnless("redact", around "redact needs", isUnset)

    let actions =
        w.AxisUnless("ban, invite and kick", around "ban, invite and kick need", isUnset)

    w.State(Slot.Create, [ create ], (fun version at -> createOf version (at.At create)))

    w.State(
        Slot.Levels,
        [ sender; there; own; others; byDefault; redact; actions ],
        fun _ at ->
            if at.At there then
                levelsOf [
                    "users",
                    group [
                        for user in users -> user, (if user = at.At sender then at.At own else at.At others)
                    ]
                    "users_default", at.At byDefault
                    "redact", at.At redact
                    "ban", at.At actions
                    "invite", at.At actions
                    "kick", at.At actions
                ]
            else
                None
    )

    let world =
        w.Asks(
            [ sender; key; id ],
            fun version at ->
                let sender, id = at.At sender, at.At id

                let content =
                    match version.Settings.Redacts with
                    | RedactsPlace.TopLevel -> []
                    | RedactsPlace.Content -> [ "redacts", text id ]

                {
                    question version (Draft.message sender "m.room.redaction" content) with
                        StateKey = at.At key |> Option.map (fun key -> key sender)
                        Redacts = Some id
                }
        )

    world, redacted

/// Redactions by every user of every user's events, with every power around the redact level.
let world: World = fst built

/// The sender of the redacted event in a case.
let redactedSender (case: int[]) : string =
    let axis = snd built
    axis.Values[case[axis.Index]]

/// The decision of a version's rules for handling redactions about the case that the stage has loaded.
let decide (rules: AuthRules) (loader: CaseLoader) (case: int[]) : Decision =
    rules.Applies(loader.Event, redactedSender case, loader)

/// Everything that the handling of redactions reads of a version.
let private reads (version: RoomVersion) =
    let s = version.Settings
    version.Handling, s.PowerLevelValues, s.Creators, s.CreatorPower, s.RoomIds, s.Redacts

/// Groups of versions that share everything the handling of redactions reads, and so decide alike.
let groups (versions: RoomVersion list) : RoomVersion list list =
    versions |> List.groupBy reads |> List.map snd

/// The tables that handle redactions, by their question. Each is given as a version that applies redactions by it.
let tables (version: RoomVersion) : (RedactionQuestion * RoomVersion) list = [
    for question in RedactionQuestion.All ->
        question,
        {
            version with
                Handling = question.Table version
        }
]
