namespace Matrix.Proofs.Encoding

open Matrix.Rules
open Matrix.Proofs.Smt

/// The current entry inside `ForEach`.
type EntryTerm = {
    Key: Term
    /// Its JSON values; `absent` if there is none.
    Before: Term
    After: Term
    /// Whether it stands for a whole map that is no object. Its values are no levels, and the one after is malformed.
    IsMap: bool
}

/// Where a condition stands.
type Place = {
    Reading: Reading
    Selections: Selection list
    Entry: EntryTerm option
}

/// Conditions as terms. The meaning of each is that of the specification's words, not of the code that decides.
[<RequireQualifiedAccess>]
module Conditions =

    let private certain (value: Term) : Maybe = { IsThere = Term.yes; Value = value }

    let private nowhere: Maybe = {
        IsThere = Term.no
        Value = Words.sender
    }

    let private create = "m.room.create"
    let private invitationType = "m.room.third_party_invite"

    let private contentText (path: Path) : Maybe =
        let value = Words.at path Words.content

        {
            IsThere = Words.isText value
            Value = Words.textOf value
        }

    let private token = contentText [ "third_party_invite"; "signed"; "token" ]

    /// Whether the state has the third-party invitation of the event's token.
    let private invited =
        Term.all [ token.IsThere; Words.inState invitationType token.Value ]

    /// A user that a rule reads.
    let user (place: Place) (term: User) : Maybe =
        match term with
        | User.Sender -> certain Words.sender
        | User.StateKey -> {
            IsThere = Words.hasStateKey
            Value = Words.stateKey
          }
        | User.ContentCreator -> Powers.contentCreator
        | User.CreateSender -> {
            IsThere = Words.inStateAlone create
            Value = Words.senderAlone create
          }
        | User.Authorising -> contentText [ "join_authorised_via_users_server" ]
        | User.ThirdPartyMxid -> contentText [ "third_party_invite"; "signed"; "mxid" ]
        | User.ThirdPartyInviter -> {
            IsThere = invited
            Value = Words.senderOf invitationType token.Value
          }
        | User.EntryKey ->
            match place.Entry with
            | Some entry -> certain entry.Key
            | None -> nowhere
        | User.StateKeyOwner -> {
            IsThere = Term.all [ Words.hasStateKey; Term.app "has-owner" [ Words.stateKey ] ]
            Value = Term.app "owner" [ Words.stateKey ]
          }
        | User.RedactedSender -> {
            IsThere = Term.symbol "redacted-is-known"
            Value = Term.symbol "redacted-sender"
          }

    let private server (place: Place) (term: Server) : Maybe =
        let named (name: string) = {
            IsThere = Term.symbol $"{name}-has-domain"
            Value = Term.symbol $"{name}-domain"
        }

        match term with
        | Server.Of who ->
            let user = user place who

            {
                IsThere = Term.all [ user.IsThere; Term.app "has-domain" [ user.Value ] ]
                Value = Term.app "domain" [ user.Value ]
            }
        | Server.OfRoomId -> named "room"
        | Server.OfEventId -> named "event-id"
        | Server.OfRedacts -> named "redacts"
        | Server.InStateKey -> {
            IsThere = Words.hasStateKey
            Value = Words.stateKey
          }

    let private same (a: Maybe) (b: Maybe) : Term =
        Term.all [ a.IsThere; b.IsThere; Term.equal a.Value b.Value ]

    let private nothing = {
        Powers.level (Term.number 0I) with
            IsThere = Term.no
    }

    let private power (place: Place) (term: Power) : PowerTerm =
        match term with
        | Power.Of who -> user place who |> Powers.ofUser (Powers.power place.Reading)
        | Power.Level level -> Powers.level (Powers.levelNamed place.Reading Words.levels level)
        | Power.Constant level -> Powers.level (Term.number (bigint level))
        | Power.Required -> Powers.level (Powers.required place.Reading)
        | Power.Old ->
            match place.Entry with
            | Some entry when not entry.IsMap -> Powers.ofValue place.Reading entry.Before
            | _ -> nothing
        | Power.New ->
            match place.Entry with
            | Some entry when not entry.IsMap -> Powers.ofValue place.Reading entry.After
            | _ -> nothing

    /// Whether a value has a shape. `depth` names the bound names apart.
    let rec private shaped (depth: int) (shape: Shape) (value: Term) : Term =
        let everyMember (holds: Term -> Term -> Term) =
            let name = $"k{depth}"
            let key = Term.symbol name
            let inner = Words.get value key

            Term.all [
                Words.isObject value
                Words.forEveryText name (Term.implies (Words.isThere inner) (holds key inner))
            ]

        match shape with
        | Shape.False -> Term.isMadeBy "no" value
        | Shape.Integer -> Words.isInteger value
        | Shape.Level values -> Powers.isLevelOf values value
        | Shape.UserId -> Term.all [ Words.isText value; Term.app "is-user-id" [ Words.textOf value ] ]
        | Shape.ListOf Shape.UserId -> Term.app "lists-user-ids" [ value ]
        | Shape.ListOf inner ->
            // No rule has another list. Each shape has a predicate of its own, of which nothing else is known.
            Term.all [
                Term.isMadeBy "list" value
                Term.app "lists" [ Words.literal $"%A{inner}"; value ]
            ]
        | Shape.ObjectOf inner -> everyMember (fun _ value -> shaped (depth + 1) inner value)
        | Shape.UsersTo inner ->
            everyMember (fun key value -> Term.all [ Term.app "is-user-id" [ key ]; shaped (depth + 1) inner value ])

    let private membershipWords = Membership.all |> List.except [ Membership.Absent ]

    let private word (membership: Membership) : Term =
        Words.literal (Settings.membershipWord membership)

    /// Whether a text value is one of these words.
    let private isOneOf (value: Term) (words: Term list) : Term =
        Term.all [
            Words.isText value
            Term.any [ for word in words -> Term.equal (Words.textOf value) word ]
        ]

    /// Whether a user's membership is one of these.
    let membershipIn (who: Maybe) (memberships: Membership list) : Term =
        let value = Words.at [ "membership" ] (Words.contentOf "m.room.member" who.Value)

        let among memberships =
            Term.all [
                who.IsThere
                Words.inState "m.room.member" who.Value
                isOneOf value (List.map word memberships)
            ]

        Term.any [
            if List.contains Membership.Absent memberships then
                Term.not' (among membershipWords)
            match memberships |> List.except [ Membership.Absent ] with
            | [] -> ()
            | present -> among present
        ]

    let private joinRuleIn (rules: JoinRule list) : Term =
        let value = Words.at [ "join_rule" ] (Words.contentAlone "m.room.join_rules")
        let isThere = Words.inStateAlone "m.room.join_rules"

        Term.any [
            if List.contains JoinRule.Invite rules then
                Term.not' (Term.all [ isThere; Words.isThere value ])
            Term.all [
                isThere
                isOneOf value [ for rule in rules -> Words.literal (Settings.joinRuleWord rule) ]
            ]
        ]

    /// Whether the value after of an entry exists, differs from the one before, and is no level.
    let isMalformed (reading: Reading) (entry: EntryTerm) : Term =
        Term.all [
            Words.isThere entry.After
            if not entry.IsMap then
                Term.not' (Powers.isLevel reading entry.After)
            Term.not' (Term.equal entry.Before entry.After)
        ]

    /// A condition in its place.
    let rec holds (place: Place) (condition: Condition) : Term =
        match condition with
        | Condition.Always -> Term.yes
        | Condition.Not inner -> Term.not' (holds place inner)
        | Condition.And parts -> Term.all (parts |> List.map (holds place))
        | Condition.Or parts -> Term.any (parts |> List.map (holds place))
        | Condition.TypeIs name -> Term.equal Words.eventType (Words.literal name)
        | Condition.HasStateKey -> Words.hasStateKey
        | Condition.StateKeyStartsWith "@" ->
            Term.all [ Words.hasStateKey; Term.app "starts-with-at" [ Words.stateKey ] ]
        | Condition.StateKeyStartsWith prefix ->
            // No rule has another prefix. Every text is possible.
            Term.all [
                Words.hasStateKey
                Term.app "starts-with" [ Words.literal prefix; Words.stateKey ]
            ]
        | Condition.HasPrevEvents -> Term.symbol "event-has-previous"
        | Condition.HasRoomId -> Term.symbol "event-has-room-id"
        | Condition.ContentHas path -> Words.isThere (Words.at path Words.content)
        | Condition.ContentIs(path, shape) -> shaped 0 shape (Words.at path Words.content)
        | Condition.MembershipIs Membership.Absent -> Term.no
        | Condition.MembershipIs membership -> isOneOf (Words.at [ "membership" ] Words.content) [ word membership ]
        | Condition.RoomVersionRecognised ->
            Term.all [
                Words.isText (Words.at [ "room_version" ] Words.content)
                Term.symbol "version-is-known"
            ]
        | Condition.SameUser(a, b) -> same (user place a) (user place b)
        | Condition.SameServer(a, b) -> same (server place a) (server place b)
        | Condition.OnlyPrevEventIsCreate -> Term.symbol "event-previous-is-create"
        | Condition.SomeAuthEvent fault -> someCited place fault
        | Condition.AuthEventsHave name ->
            Words.forSomeCited
                "c"
                (Term.all [
                    Term.app "is-cited" [ Term.symbol "c" ]
                    Term.equal (Term.app "cited-type" [ Term.symbol "c" ]) (Words.literal name)
                ])
        | Condition.CreateEventAccepted -> Term.symbol "room-is-create"
        | Condition.SignedByServerOf who ->
            let server = server place (Server.Of who)
            Term.all [ server.IsThere; Term.app "is-signed-by" [ server.Value ] ]
        | Condition.ThirdPartySignedBy KeyPlace.Single ->
            Term.all [ invited; Term.symbol "plain-third-party-signed-single" ]
        | Condition.ThirdPartySignedBy KeyPlace.Listed ->
            Term.all [ invited; Term.symbol "plain-third-party-signed-listed" ]
        | Condition.StateHas name -> Words.inStateAlone name
        | Condition.StateContentIs(name, path, shape) ->
            Term.all [
                Words.inStateAlone name
                shaped 0 shape (Words.at path (Words.contentAlone name))
            ]
        | Condition.MembershipIn(who, memberships) -> membershipIn (user place who) memberships
        | Condition.JoinRuleIn rules -> joinRuleIn rules
        | Condition.ThirdPartyInviteKnown -> invited
        | Condition.Compare(a, relation, b) -> Powers.compares (power place a) relation (power place b)
        | Condition.NewIsNoLevel ->
            match place.Entry with
            | Some entry -> isMalformed place.Reading entry
            | None -> Term.no
        | Condition.KeysNameACreator path ->
            let names = Words.at path Words.content

            Words.forSomeText
                "u"
                (Term.all [
                    Powers.isCreator place.Reading (Term.symbol "u")
                    Words.isThere (Words.get names (Term.symbol "u"))
                ])

    /// Whether the selection names this type and state key.
    and selected (place: Place) (typeOf: Term) (hasKey: Term) (key: Term) : Term =
        Term.any [
            for row in place.Selections ->
                let wanted =
                    match row.Key with
                    | SelectionKey.Empty -> certain (Words.literal "")
                    | SelectionKey.User who -> user place who
                    | SelectionKey.ThirdPartyToken -> token

                Term.all [
                    Term.equal typeOf (Words.literal row.Type)
                    hasKey
                    wanted.IsThere
                    Term.equal key wanted.Value
                    holds { place with Entry = None } row.When
                ]
        ]

    and private someCited (place: Place) (fault: AuthEventFault) : Term =
        let of' (name: string) (c: string) = Term.app name [ Term.symbol c ]

        let same (name: string) =
            Term.equal (of' name "c") (of' name "d")

        match fault with
        | AuthEventFault.Rejected ->
            Words.forSomeCited "c" (Term.all [ of' "is-cited" "c"; of' "cited-is-rejected" "c" ])
        | AuthEventFault.Elsewhere ->
            Words.forSomeCited "c" (Term.all [ of' "is-cited" "c"; of' "cited-is-elsewhere" "c" ])
        | AuthEventFault.Unselected ->
            Words.forSomeCited
                "c"
                (Term.all [
                    of' "is-cited" "c"
                    Term.not' (selected place (of' "cited-type" "c") (of' "cited-has-key" "c") (of' "cited-key" "c"))
                ])
        | AuthEventFault.Duplicated ->
            Words.forSomeCited
                "c"
                (Words.forSomeCited
                    "d"
                    (Term.all [
                        of' "is-cited" "c"
                        of' "is-cited" "d"
                        Term.not' (Term.equal (Term.symbol "c") (Term.symbol "d"))
                        same "cited-type"
                        same "cited-has-key"
                        Term.any [ Term.not' (of' "cited-has-key" "c"); same "cited-key" ]
                    ]))
