namespace Matrix.Properties.SmallWorlds

open System.Collections.Concurrent
open System.Runtime.CompilerServices
open Matrix.Rules

/// A kind of event that tables distinguish.
type EventKind = {
    Type: string
    /// The `membership` of a member event; "" for other events, and for memberships that no rule names.
    Membership: string
}

/// Something that a clause reads.
[<RequireQualifiedAccess>]
type Read =
    /// A member of the power levels event.
    | Level of string
    /// A level that power is compared with, whatever the power levels event says.
    | Constant of int64
    /// The power of a user.
    | PowerOf of User
    /// A member of the event's content.
    | Field of Path
    /// A member of the content of a state event with an empty state key.
    | StateField of eventType: string * Path
    | JoinRule
    | MembershipOf of User
    | SignatureOf of User
    /// A type of events.
    | Type of string

/// What the clauses of a version read that can decide an event of a kind.
[<RequireQualifiedAccess>]
module Reads =

    /// Whether a condition holds of no event of a kind.
    let rec private excludes (kind: EventKind) (condition: Condition) : bool =
        match condition with
        | Condition.TypeIs eventType -> eventType <> kind.Type
        | Condition.MembershipIs membership -> Settings.membershipWord membership <> kind.Membership
        | Condition.And parts -> List.exists (excludes kind) parts
        | Condition.Or parts -> List.forall (excludes kind) parts
        | Condition.Not inner -> includes kind inner
        | _ -> false

    /// Whether a condition holds of every event of a kind.
    and private includes (kind: EventKind) (condition: Condition) : bool =
        match condition with
        | Condition.Always -> true
        | Condition.TypeIs eventType -> eventType = kind.Type
        | Condition.MembershipIs membership -> Settings.membershipWord membership = kind.Membership
        | Condition.And parts -> List.forall (includes kind) parts
        | Condition.Or parts -> List.exists (includes kind) parts
        | Condition.Not inner -> excludes kind inner
        | _ -> false

    let private ofUser (user: User) : Read list =
        match user with
        | User.Authorising -> [ Read.Field [ "join_authorised_via_users_server" ] ]
        | User.ThirdPartyMxid -> [ Read.Field [ "third_party_invite"; "signed"; "mxid" ] ]
        | User.ContentCreator -> [ Read.StateField("m.room.create", [ "creator" ]) ]
        | _ -> []

    let private ofServer (server: Server) : Read list =
        match server with
        | Server.Of user -> ofUser user
        | _ -> []

    let private ofPower (power: Power) : Read list =
        match power with
        | Power.Of user -> Read.PowerOf user :: ofUser user
        | Power.Level level -> [
            Read.Level(
                match level with
                | NamedLevel.Invite -> "invite"
                | NamedLevel.Kick -> "kick"
                | NamedLevel.Ban -> "ban"
                | NamedLevel.Redact -> "redact"
            )
          ]
        | Power.Constant level -> [ Read.Constant level ]
        | Power.Required -> [ Read.Level "events_default"; Read.Level "state_default" ]
        | _ -> []

    let private ofPart (part: Condition) : Read list =
        match part with
        | Condition.ContentHas path
        | Condition.ContentIs(path, _)
        | Condition.KeysNameACreator path -> [ Read.Field path ]
        | Condition.StateContentIs(eventType, path, _) -> [ Read.StateField(eventType, path) ]
        | Condition.SameUser(a, b) -> ofUser a @ ofUser b
        | Condition.SameServer(a, b) -> ofServer a @ ofServer b
        | Condition.SignedByServerOf user -> Read.SignatureOf user :: ofUser user
        | Condition.MembershipIn(user, _) -> Read.MembershipOf user :: ofUser user
        | Condition.JoinRuleIn _ -> [ Read.JoinRule ]
        | Condition.Compare(a, _, b) -> ofPower a @ ofPower b
        | _ -> []

    let private ofCondition (condition: Condition) : Read list =
        Condition.all condition |> List.collect ofPart

    let private ofEntries (entries: Entries) : Read list =
        match entries with
        | Entries.Members names
        | Entries.Inside names -> [ for name in names -> Read.Field [ name ] ]

    /// What these rules read, and whether they decide every event of the kind.
    let rec private ofRules (kind: EventKind) (rules: Rule list) : Read list * bool =
        match rules with
        | [] -> [], false
        | rule :: rest ->
            let reads, decides =
                match rule with
                | Rule.Scope(_, condition, _)
                | Rule.Clause(_, condition, _, _)
                | Rule.Iff(_, condition, _, _) when excludes kind condition -> [], false
                | Rule.Scope(_, condition, inside) ->
                    let reads, decides = ofRules kind inside
                    ofCondition condition @ reads, decides && includes kind condition
                | Rule.ForEach(_, _, entries, where, inside) ->
                    ofEntries entries @ ofCondition where @ fst (ofRules kind inside), false
                | Rule.Clause(_, condition, _, _) -> ofCondition condition, includes kind condition
                | Rule.Iff(_, applies, holds, _) -> ofCondition applies @ ofCondition holds, includes kind applies

            if decides then
                reads, true
            else
                let more, decides = ofRules kind rest
                reads @ more, decides

    let private known =
        ConditionalWeakTable<RoomVersion, ConcurrentDictionary<EventKind, Set<Read>>>()

    /// What the clauses of a version read of an event of this kind.
    let of' (version: RoomVersion) (kind: EventKind) : Set<Read> =
        let ofVersion = known.GetOrCreateValue version
        ofVersion.GetOrAdd(kind, (fun kind -> ofRules kind version.Authorization |> fst |> Set.ofList))

    /// What the clauses of the specification's versions read of an event of this kind: the worlds vary all of it.
    let private ofAll = ConcurrentDictionary<EventKind, Set<Read>>()

    /// What the clauses of a version read of an event of this kind, and those of no version of the specification.
    let besides (version: RoomVersion) (kind: EventKind) : Set<Read> =
        let usual =
            ofAll.GetOrAdd(kind, (fun kind -> Versions.all |> List.map (fun v -> of' v kind) |> Set.unionMany))

        of' version kind - usual

    /// The types of events that a version's rules name.
    let types (version: RoomVersion) : Set<string> =
        Set.ofList [
            for rule in Rule.all version.Authorization do
                for condition in Rule.conditions rule |> List.collect Condition.all do
                    match condition with
                    | Condition.TypeIs eventType -> eventType
                    | _ -> ()
        ]

    /// A version with these rules alone: it decides nothing, and shows worlds what to vary.
    let only (rules: Rule list) (version: RoomVersion) : RoomVersion = { version with Authorization = rules }
