namespace Matrix.Properties.Mutation

open System
open System.Collections.Concurrent
open System.Text.RegularExpressions
open Matrix.Rules

/// The terms that may replace one another in a condition.
type internal Terms = {
    Users: User list
    Servers: Server list
} with

    /// For the authorization rules and the auth events selection.
    static member OfAuthorization = {
        Users = [ User.Sender; User.StateKey; User.CreateSender ]
        Servers = [
            Server.Of User.Sender
            Server.Of User.CreateSender
            Server.OfRoomId
            Server.OfEventId
            Server.InStateKey
        ]
    }

    /// For the rules that handle redactions.
    static member OfHandling = {
        Users = [ User.Sender; User.RedactedSender; User.CreateSender; User.StateKey ]
        Servers = [
            Server.Of User.Sender
            Server.Of User.RedactedSender
            Server.Of User.CreateSender
            Server.OfRoomId
            Server.OfRedacts
        ]
    }

/// Conditions with one thing changed.
[<RequireQualifiedAccess>]
module internal ConditionMutants =

    let private spaces = Regex(@"\s+", RegexOptions.Compiled)

    let private shown = ConcurrentDictionary<obj, string>()

    /// A term of the rules in one line. It is kept: to print it is slow, and versions share most terms.
    let show (term: 'a) : string =
        shown.GetOrAdd(nonNull (box term), (fun _ -> spaces.Replace(sprintf "%A" term, " ")))

    /// One item of a list changed, each in turn.
    let private oneOf (change: 'a -> (string * 'a) list) (items: 'a list) : (string * 'a list) list =
        items
        |> List.indexed
        |> List.collect (fun (i, item) ->
            change item
            |> List.map (fun (what, changed) -> what, items |> List.updateAt i changed))

    let private without (items: 'a list) : ('a * 'a list) list =
        items |> List.indexed |> List.map (fun (i, item) -> item, List.removeAt i items)

    /// Each of these values except the given one.
    let others (all: 'a list) (it: 'a) : (string * 'a) list =
        all
        |> List.except [ it ]
        |> List.map (fun other -> $"{show other} for {show it}", other)

    let private user (terms: Terms) = others terms.Users

    let private server (terms: Terms) = others terms.Servers

    let private relation =
        others [ Relation.Below; Relation.AtMost; Relation.AtLeast; Relation.Above ]

    let private level =
        others [ NamedLevel.Invite; NamedLevel.Kick; NamedLevel.Ban; NamedLevel.Redact ]

    let private power (terms: Terms) (it: Power) : (string * Power) list =
        match it with
        | Power.Of u -> user terms u |> List.map (fun (what, u) -> what, Power.Of u)
        | Power.Level l -> level l |> List.map (fun (what, l) -> what, Power.Level l)
        | Power.Constant n -> others [ Power.Constant(n - 1L); Power.Constant(n + 1L) ] it
        | Power.Required -> others [ Power.Level NamedLevel.Invite; Power.Level NamedLevel.Ban ] it
        | Power.Old -> others [ Power.New ] it
        | Power.New -> others [ Power.Old ] it

    let private path (it: Path) : (string * Path) list = [
        let change (other: Path) =
            let shown = String.concat "." other
            let was = String.concat "." it
            $"{shown} for {was}", other

        if it.Length > 1 then
            change (List.take (it.Length - 1) it)

        change (List.updateAt (it.Length - 1) "org.example.other" it)
    ]

    let rec private shape (it: Shape) : (string * Shape) list =
        match it with
        | Shape.False -> others [ Shape.Integer ] it
        | Shape.Integer -> others [ Shape.Level PowerLevelValues.IntegersAndStrings ] it
        | Shape.Level v -> others PowerLevelValues.all v |> List.map (fun (what, v) -> what, Shape.Level v)
        | Shape.UserId -> others [ Shape.Integer ] it
        | Shape.ListOf inner ->
            (shape inner |> List.map (fun (what, s) -> what, Shape.ListOf s))
            @ others [ inner ] it
        | Shape.ObjectOf inner ->
            (shape inner |> List.map (fun (what, s) -> what, Shape.ObjectOf s))
            @ others [ Shape.UsersTo inner; Shape.ListOf inner ] it
        | Shape.UsersTo inner ->
            (shape inner |> List.map (fun (what, s) -> what, Shape.UsersTo s))
            @ others [ Shape.ObjectOf inner; Shape.ListOf inner ] it

    let private eventType =
        others [ "m.room.create"; "m.room.power_levels"; "m.room.member"; "org.example.other" ]

    /// A pair with either side changed.
    let private either
        (left: 'a -> (string * 'a) list)
        (right: 'b -> (string * 'b) list)
        (a: 'a)
        (b: 'b)
        : (string * ('a * 'b)) list =
        (left a |> List.map (fun (what, a) -> what, (a, b)))
        @ (right b |> List.map (fun (what, b) -> what, (a, b)))

    let private fault =
        others [
            AuthEventFault.Duplicated
            AuthEventFault.Unselected
            AuthEventFault.Rejected
            AuthEventFault.Elsewhere
        ]

    /// Lists without one of their items, or with another one of `all`.
    let private fewerAndMore (all: 'a list) (items: 'a list) : (string * 'a list) list = [
        for item, rest in without items do
            if not rest.IsEmpty then
                $"without {show item}", rest

        for other in List.except items all do
            $"also {show other}", items @ [ other ]
    ]

    let private place (what: string, make: 'a -> Condition) (changed: (string * 'a) list) : (string * Condition) list =
        changed
        |> List.map (fun (how, value) -> (if what = "" then how else $"{how}, in {what}"), make value)

    /// The mutants of a condition without parts.
    let private leaf (terms: Terms) (it: Condition) : (string * Condition) list =
        let shown = show it
        let user, server, power = user terms, server terms, power terms

        match it with
        | Condition.TypeIs t -> eventType t |> place ("", Condition.TypeIs)
        | Condition.StateKeyStartsWith prefix ->
            others [ "@bob:"; "!"; "" ] prefix
            |> place (shown, Condition.StateKeyStartsWith)
        | Condition.ContentHas p -> path p |> place ("", Condition.ContentHas)
        | Condition.ContentIs(p, s) -> either path shape p s |> place (shown, Condition.ContentIs)
        | Condition.MembershipIs m -> others Membership.all m |> place ("", Condition.MembershipIs)
        | Condition.SameUser(a, b) -> either user user a b |> place (shown, Condition.SameUser)
        | Condition.SameServer(a, b) -> either server server a b |> place (shown, Condition.SameServer)
        | Condition.SomeAuthEvent f -> fault f |> place ("", Condition.SomeAuthEvent)
        | Condition.AuthEventsHave t -> eventType t |> place ("", Condition.AuthEventsHave)
        | Condition.SignedByServerOf u -> user u |> place (shown, Condition.SignedByServerOf)
        | Condition.ThirdPartySignedBy k ->
            others [ KeyPlace.Single; KeyPlace.Listed ] k
            |> place ("", Condition.ThirdPartySignedBy)
        | Condition.StateHas t -> eventType t |> place ("", Condition.StateHas)
        | Condition.StateContentIs(t, p, s) ->
            (eventType t |> place (shown, (fun t -> Condition.StateContentIs(t, p, s))))
            @ (either path shape p s
               |> place (shown, (fun (p, s) -> Condition.StateContentIs(t, p, s))))
        | Condition.MembershipIn(u, ms) ->
            either user (fewerAndMore Membership.all) u ms
            |> place (shown, Condition.MembershipIn)
        | Condition.JoinRuleIn rules -> fewerAndMore JoinRule.all rules |> place (shown, Condition.JoinRuleIn)
        | Condition.Compare(a, r, b) ->
            (relation r |> place (shown, (fun r -> Condition.Compare(a, r, b))))
            @ (either power power a b
               |> place (shown, (fun (a, b) -> Condition.Compare(a, r, b))))
        | Condition.KeysNameACreator p -> path p |> place ("", Condition.KeysNameACreator)
        | _ -> []

    /// The condition with one thing inside it changed: a part left out, negated, or with another term. The condition as
    /// a whole is not negated.
    let rec inside (terms: Terms) (it: Condition) : (string * Condition) list =
        let parts (several: Condition list) (make: Condition list -> Condition) = [
            for part, rest in without several do
                $"without {show part}", (if rest.Length = 1 then rest.Head else make rest)

            for what, changed in oneOf (changes terms) several do
                what, make changed
        ]

        match it with
        | Condition.Not inner ->
            inside terms inner
            |> List.map (fun (what, changed) -> what, Condition.Not changed)
        | Condition.And [ one ]
        | Condition.Or [ one ] ->
            inside terms one
            |> List.map (fun (what, changed) -> what, Condition.And [ changed ])
        | Condition.And several ->
            ($"or for and, in {show it}", Condition.Or several)
            :: parts several Condition.And
        | Condition.Or several ->
            ($"and for or, in {show it}", Condition.And several)
            :: parts several Condition.Or
        | it -> leaf terms it

    /// As `inside`, and also negated as a whole.
    and private changes (terms: Terms) (it: Condition) : (string * Condition) list =
        let negated =
            match it with
            | Condition.Not inner -> inner
            | it -> Condition.Not it

        ($"not {show it}", negated) :: inside terms it
