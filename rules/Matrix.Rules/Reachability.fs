namespace Matrix.Rules

/// What conditions test, as variables with a few values each. Conditions that test the same thing share a variable.
[<RequireQualifiedAccess>]
type internal Variable =
    | EventType
    | ContentMembership
    | MembershipOf of User
    | JoinRule
    /// How two powers compare, if both exist.
    | Order of Power * Power
    /// Anything else, which is true or false.
    | Fact of Condition

/// Whether conditions can hold together. What is reported as impossible is impossible. Something that is impossible for
/// reasons not modelled here may be reported as possible.
[<RequireQualifiedAccess>]
module Reachability =

    // A longer search gives up, and reports the conditions as possible.
    let private mostSteps = 200_000

    let private other = "another"
    let private yes, no = "yes", "no"
    let private absent, less, same, greater = "absent", "less", "same", "greater"

    let private ordered (a: 'a) (b: 'a) = if compare a b <= 0 then a, b else b, a

    /// The variable of an atom, and the values for which the atom holds; None if it never holds.
    let private atom (condition: Condition) : (Variable * string list) option =
        match condition with
        | Condition.TypeIs t -> Some(Variable.EventType, [ t ])
        | Condition.MembershipIs Membership.Absent -> None
        | Condition.MembershipIs m -> Some(Variable.ContentMembership, [ Settings.membershipWord m ])
        | Condition.MembershipIn(u, ms) -> Some(Variable.MembershipOf u, ms |> List.map Settings.membershipWord)
        | Condition.JoinRuleIn rules -> Some(Variable.JoinRule, rules |> List.map Settings.joinRuleWord)
        | Condition.Compare(a, relation, b) ->
            let first, second = ordered a b
            let under, over = if first = a then less, greater else greater, less

            Some(
                Variable.Order(first, second),
                match relation with
                | Relation.Below -> [ under ]
                | Relation.AtMost -> [ under; same ]
                | Relation.AtLeast -> [ over; same ]
                | Relation.Above -> [ over ]
            )
        | Condition.SameUser(a, b) -> Some(Variable.Fact(Condition.SameUser(ordered a b)), [ yes ])
        | Condition.SameServer(a, b) -> Some(Variable.Fact(Condition.SameServer(ordered a b)), [ yes ])
        | fact -> Some(Variable.Fact fact, [ yes ])

    let rec private atoms (condition: Condition) : Condition list =
        match condition with
        | Condition.Always -> []
        | Condition.Not inner -> atoms inner
        | Condition.And parts
        | Condition.Or parts -> List.collect atoms parts
        | one -> [ one ]

    /// The values of a variable, as far as these atoms distinguish them.
    let private domain (asked: Condition list) (variable: Variable) : string list =
        match variable with
        | Variable.EventType
        | Variable.ContentMembership ->
            other
            :: [
                for a in asked do
                    match atom a with
                    | Some(v, values) when v = variable -> yield! values
                    | _ -> ()
            ]
            |> List.distinct
        | Variable.MembershipOf _ -> Membership.all |> List.map Settings.membershipWord
        | Variable.JoinRule -> other :: (JoinRule.all |> List.map Settings.joinRuleWord)
        | Variable.Order _ -> [ less; same; greater; absent ]
        | Variable.Fact _ -> [ yes; no ]

    let private implies a b = Condition.Or [ Condition.Not a; b ]

    let private never a = Condition.Not a

    /// The kinds of JSON value that can have a shape.
    let private kinds (shape: Shape) : Set<string> =
        match shape with
        | Shape.False -> set [ "boolean" ]
        | Shape.Integer
        | Shape.Level PowerLevelValues.Integers -> set [ "integer" ]
        | Shape.Level PowerLevelValues.IntegersAndStrings -> set [ "integer"; "string" ]
        | Shape.Level PowerLevelValues.IntegersFloatsAndStrings -> set [ "integer"; "float"; "string" ]
        | Shape.UserId -> set [ "string" ]
        | Shape.ListOf _ -> set [ "list" ]
        | Shape.ObjectOf _
        | Shape.UsersTo _ -> set [ "object" ]

    let private isPrefix (short: Path) (long: Path) =
        short.Length < long.Length && List.truncate short.Length long = short

    /// The condition under which a user exists; None for a user who always does.
    let private presence (user: User) : Condition option =
        match user with
        | User.StateKey
        | User.StateKeyOwner -> Some Condition.HasStateKey
        | User.Authorising -> Some(Condition.ContentHas [ "join_authorised_via_users_server" ])
        | User.ThirdPartyMxid -> Some(Condition.ContentHas [ "third_party_invite"; "signed"; "mxid" ])
        | User.ThirdPartyInviter -> Some Condition.ThirdPartyInviteKnown
        | _ -> None

    /// The conditions that follow from one atom alone.
    let private consequences (a: Condition) : Condition list =
        let needs users =
            users |> List.choose presence |> List.map (implies a)

        match a with
        | Condition.ContentIs(path, _)
        | Condition.KeysNameACreator path -> [ implies a (Condition.ContentHas path) ]
        | Condition.MembershipIs _ -> [ implies a (Condition.ContentHas [ "membership" ]) ]
        | Condition.StateKeyStartsWith _ -> [ implies a Condition.HasStateKey ]
        | Condition.StateContentIs(eventType, _, _) -> [ implies a (Condition.StateHas eventType) ]
        | Condition.ThirdPartySignedBy _ -> [ implies a Condition.ThirdPartyInviteKnown ]
        | Condition.SameUser(x, y) -> needs [ x; y ]
        | Condition.SignedByServerOf u -> needs [ u ]
        | Condition.MembershipIn(u, ms) when not (List.contains Membership.Absent ms) -> needs [ u ]
        | _ -> []

    /// The relation between two atoms, as conditions.
    let private between (a: Condition) (b: Condition) : Condition list =
        match a, b with
        | Condition.ContentHas long, Condition.ContentHas short when isPrefix short long -> [ implies a b ]
        | Condition.ContentIs(p, x), Condition.ContentIs(q, y) when
            p = q && Set.intersect (kinds x) (kinds y) = Set.empty
              ->
              [ never (Condition.And [ a; b ]) ]
        | Condition.SameUser(x, y), Condition.MembershipIn(u, _) when u = x || u = y -> [
            // Equal users have the same membership.
            implies
                a
                (Condition.Or [
                    for m in Membership.all ->
                        Condition.And [ Condition.MembershipIn(x, [ m ]); Condition.MembershipIn(y, [ m ]) ]
                ])
          ]
        | Condition.SameUser(x, y), Condition.Compare(Power.Of u, _, Power.Of w) when ordered x y = ordered u w -> [
            implies a (never (Condition.Compare(Power.Of x, Relation.Below, Power.Of y)))
            implies a (never (Condition.Compare(Power.Of x, Relation.Above, Power.Of y)))
          ]
        | _ -> []

    /// Conditions that hold for every event, to be combined with the given ones.
    let private theory (conditions: Condition list) : Condition list =
        let asked = conditions |> List.collect atoms |> List.distinct
        let first = asked |> List.collect consequences
        let more = asked @ List.collect atoms first |> List.distinct

        first
        @ [
            for a in more do
                for b in more do
                    yield! between a b
        ]
        |> List.distinct

    /// Whether a condition holds under an assignment; if that is open, a variable that decides it.
    let rec private value (assigned: Map<Variable, string>) (condition: Condition) : Result<bool, Variable> =
        let rec all parts openOne =
            match parts with
            | [] -> openOne |> Option.map Error |> Option.defaultValue (Ok true)
            | part :: rest ->
                match value assigned part with
                | Ok false -> Ok false
                | Ok true -> all rest openOne
                | Error v -> all rest (Some(Option.defaultValue v openOne))

        match condition with
        | Condition.Always -> Ok true
        | Condition.Not inner -> value assigned inner |> Result.map not
        | Condition.And parts -> all parts None
        | Condition.Or parts -> all (parts |> List.map Condition.Not) None |> Result.map not
        | a ->
            match atom a with
            | None -> Ok false
            | Some(variable, values) ->
                match assigned.TryFind variable with
                | Some v -> Ok(List.contains v values)
                | None -> Error variable

    /// Whether some event and state may satisfy all of these conditions.
    let possible (conditions: Condition list) : bool =
        let conditions = conditions @ theory conditions
        let asked = conditions |> List.collect atoms |> List.distinct
        let mutable steps = 0

        let rec search (assigned: Map<Variable, string>) (remaining: Condition list) =
            steps <- steps + 1

            if steps > mostSteps then
                true
            else
                // A condition that already holds needs no further search; one that fails ends it.
                let looked = remaining |> List.map (fun c -> c, value assigned c)

                if looked |> List.exists (fun (_, v) -> v = Ok false) then
                    false
                else
                    let open' = looked |> List.filter (fun (_, v) -> v <> Ok true)

                    match open' with
                    | [] -> true
                    | (_, Ok _) :: _ -> true
                    | (_, Error variable) :: _ ->
                        let rest = open' |> List.map fst

                        domain asked variable
                        |> List.exists (fun v -> search (assigned.Add(variable, v)) rest)

        search Map.empty conditions

    /// Whether two conditions hold for the same events and states, as far as their atoms are modelled.
    let equivalent (a: Condition) (b: Condition) : bool =
        not (possible [ a; Condition.Not b ]) && not (possible [ b; Condition.Not a ])

    /// What is known about an event that a rule leaves to the next rule.
    let rec passes (rule: Rule) : Condition =
        match rule with
        | Rule.Clause(_, condition, _, _) -> Condition.Not condition
        | Rule.Iff(_, applies, _, _) -> Condition.Not applies
        | Rule.Scope(_, condition, inside) ->
            Condition.Or [ Condition.Not condition; Condition.And(inside |> List.map passes) ]
        // There may be no entry.
        | Rule.ForEach _ -> Condition.Always

    let private condition (rule: Rule) : Condition =
        match rule with
        | Rule.Clause(_, condition, _, _)
        | Rule.Scope(_, condition, _)
        | Rule.ForEach(_, _, _, condition, _) -> condition
        | Rule.Iff(_, applies, _, _) -> applies

    /// What is known about the values of every entry, given the alterations.
    let private ofEntries (alterations: Alteration list) (inside: Rule list) : Condition list =
        let asks power =
            Rule.all inside
            |> List.collect (fun rule ->
                match rule with
                | Rule.Iff(_, a, b, _) -> atoms a @ atoms b
                | other -> atoms (condition other))
            |> List.filter (function
                | Condition.Compare(a, _, b) -> a = power || b = power
                | _ -> false)
            |> List.map Condition.Not

        [
            if not (List.exists (fun a -> a <> Alteration.Added) alterations) then
                yield! asks Power.Old
            if not (List.exists (fun a -> a <> Alteration.Removed) alterations) then
                yield! asks Power.New
        ]

    /// Rules that cannot be reached, or that have only one outcome, with the fault.
    let faults (table: Rule list) : (string * string) list =
        // `around` are the conditions of the enclosing scopes, `passed` what is known after the rules before.
        let rec walk (around: Condition list) (passed: Condition list) (rules: Rule list) : (string * string) list =
            match rules with
            | [] -> []
            | rule :: rest ->
                let name = Rule.name rule
                let around' = condition rule :: around
                let passed' = passes rule :: passed

                let own =
                    if not (possible around') then
                        [ name, "can never hold in its place" ]
                    elif not (possible (around' @ passed)) then
                        [ name, "is hidden by the rules before it" ]
                    else
                        match rule with
                        | Rule.Scope(_, _, inside) -> walk around' passed inside
                        | Rule.ForEach(_, alterations, _, _, inside) ->
                            walk (around' @ ofEntries alterations inside) passed inside
                        | Rule.Iff(_, _, holds, _) -> [
                            if not (possible (holds :: around' @ passed)) then
                                name, "never allows"
                            if not (possible (Condition.Not holds :: around' @ passed)) then
                                name, "never rejects"
                          ]
                        | Rule.Clause _ -> []

                if not rest.IsEmpty && not (possible (around @ passed')) then
                    own @ [ name, "hides the rules after it" ]
                else
                    own @ walk around passed' rest

        walk [] [] table
