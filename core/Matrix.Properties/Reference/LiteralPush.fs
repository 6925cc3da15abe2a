namespace Matrix.Properties.Reference

open System
open System.Text
open Matrix.Core.Json
open Matrix.Core.Push

/// Push rules as the specification describes them, read from the ruleset's JSON. Slow; nothing is cached.
/// v1.19 client-server-api#push-rules, v1.19 client-server-api#conditions-1
[<RequireQualifiedAccess>]
module LiteralPush =

    /// The characters of a text, without case.
    let private characters (s: string) : int list = [
        for rune in s.EnumerateRunes() ->
            let lower = (Rune.ToLowerInvariant rune).Value

            if rune.Value >= 128 && lower < 128 then
                rune.Value
            else
                lower
    ]

    /// A glob against a whole text.
    let rec private globMatches (pattern: int list) (text: int list) : bool =
        match pattern, text with
        | [], [] -> true
        | star :: rest, _ when star = int '*' ->
            globMatches rest text
            || (match text with
                | [] -> false
                | _ :: later -> globMatches pattern later)
        | p :: rest, t :: later when p = int '?' || p = t -> globMatches rest later
        | _ -> false

    /// A glob against a whole text.
    let matchesWhole (pattern: string) (text: string) =
        globMatches (characters pattern) (characters text)

    let private isWordCharacter (c: int) =
        (c >= int 'A' && c <= int 'Z')
        || (c >= int 'a' && c <= int 'z')
        || (c >= int '0' && c <= int '9')
        || c = int '_'

    /// A glob against any part of a text that starts and ends at a word boundary.
    let private matchesPart (matches: int list -> bool) (text: string) =
        let points = List.toArray (characters text)

        let boundary i =
            i = 0
            || i = points.Length
            || not (isWordCharacter points[i - 1])
            || not (isWordCharacter points[i])

        let places = [ 0 .. points.Length ] |> List.filter boundary

        places
        |> List.exists (fun i ->
            places
            |> List.exists (fun j -> j >= i && matches (List.ofArray points[i .. j - 1])))

    /// A glob against words.
    let matchesWords (pattern: string) (text: string) =
        matchesPart (globMatches (characters pattern)) text

    /// The names in a path.
    let private names (path: string) : string list =
        let rec go (rest: char list) (name: string) =
            match rest with
            | [] -> [ name ]
            | '\\' :: c :: later when c = '.' || c = '\\' -> go later (name + string c)
            | '.' :: later -> name :: go later ""
            | c :: later -> go later (name + string c)

        go (List.ofSeq path) ""

    let private property (event: Json) (path: string) : Json option =
        (Some event, names path)
        ||> List.fold (fun found name ->
            match found with
            | Some(Json.Object o) ->
                match o.TryFind name with
                | ValueSome v -> Some v
                | ValueNone -> None
            | _ -> None)

    /// The inputs of the literal reading.
    type Facts = {
        Event: Json
        Members: int
        SenderPower: int64
        Levels: JsonObject option
        DisplayName: string option
        /// None outside threads.
        Subscribed: bool option
    }

    let private text name (o: JsonObject) =
        match o.TryFind name with
        | ValueSome(Json.String s) -> Some s
        | _ -> None

    let private scalar (o: JsonObject) =
        match o.TryFind "value" with
        | ValueSome(Json.Object _)
        | ValueSome(Json.Array _)
        | ValueSome(Json.Float _)
        | ValueSome(Json.BigInt _)
        | ValueNone -> None
        | ValueSome v -> Some v

    /// Whether a condition holds.
    let holds (facts: Facts) (condition: Json) : bool =
        match condition with
        | Json.Object c ->
            match text "kind" c with
            | Some "event_match" ->
                match text "key" c, text "pattern" c with
                | Some key, Some pattern ->
                    match property facts.Event key with
                    | Some(Json.String value) ->
                        if key = "content.body" then
                            matchesWords pattern value
                        else
                            matchesWhole pattern value
                    | _ -> false
                | _ -> false
            | Some "event_property_is" ->
                match text "key" c, scalar c with
                | Some key, Some value -> property facts.Event key = Some value
                | _ -> false
            | Some "event_property_contains" ->
                match text "key" c, scalar c with
                | Some key, Some value ->
                    match property facts.Event key with
                    | Some(Json.Array items) -> Array.contains value items
                    | _ -> false
                | _ -> false
            | Some "contains_display_name" ->
                match facts.DisplayName, property facts.Event "content.body" with
                | Some name, Some(Json.String body) when name <> "" ->
                    matchesPart (fun part -> part = characters name) body
                | _ -> false
            | Some "room_member_count" ->
                match text "is" c with
                | Some is ->
                    let digits = is.TrimStart('<', '>', '=')
                    let symbol = is.Substring(0, is.Length - digits.Length)

                    digits <> ""
                    && Seq.forall Char.IsAsciiDigit digits
                    && (let n = int digits

                        match symbol with
                        | ""
                        | "==" -> facts.Members = n
                        | "<" -> facts.Members < n
                        | ">" -> facts.Members > n
                        | "<=" -> facts.Members <= n
                        | ">=" -> facts.Members >= n
                        | _ -> false)
                | None -> false
            | Some "sender_notification_permission" ->
                match text "key" c with
                | Some key ->
                    let level =
                        match facts.Levels |> Option.map (fun l -> l.TryFind key) with
                        | Some(ValueSome(Json.Int n)) -> n
                        | Some(ValueSome(Json.String s)) when s <> "" && Seq.forall Char.IsAsciiDigit s -> int64 s
                        | _ -> 50L

                    facts.SenderPower >= level
                | None -> false
            | Some "io.element.msc4306.thread_subscription" ->
                match c.TryFind "subscribed" with
                | ValueSome(Json.Bool subscribed) -> facts.Subscribed = Some subscribed
                | _ -> false
            | _ -> false
        | _ -> false

    /// The first enabled rule of a ruleset (`{"override": …}`) that matches.
    let firstMatch (facts: Facts) (ruleset: JsonObject) : JsonObject option =
        let rules kind =
            match ruleset.TryFind kind with
            | ValueSome(Json.Array rules) -> [
                for rule in rules do
                    match rule with
                    | Json.Object r when r.TryFind "enabled" = ValueSome(Json.Bool true) -> kind, r
                    | _ -> ()
              ]
            | _ -> []

        let top name =
            match property facts.Event name with
            | Some(Json.String s) -> Some s
            | _ -> None

        [ "override"; "content"; "postcontent"; "room"; "sender"; "underride" ]
        |> List.collect rules
        |> List.tryFind (fun (kind, r) ->
            match kind with
            | "content" ->
                match text "pattern" r, property facts.Event "content.body" with
                | Some pattern, Some(Json.String body) -> matchesWords pattern body
                | _ -> false
            | "room" -> text "rule_id" r = top "room_id"
            | "sender" -> text "rule_id" r = top "sender"
            | _ ->
                match r.TryFind "conditions" with
                | ValueSome(Json.Array conditions) -> Array.forall (holds facts) conditions
                | _ -> true)
        |> Option.map snd

    /// Whether the rule's actions notify, and whether they highlight.
    let weigh (rule: JsonObject) : bool * bool =
        match rule.TryFind "actions" with
        | ValueSome(Json.Array actions) ->
            let notifies = Array.contains (Json.String "notify") actions

            let highlight =
                actions
                |> Array.choose (fun a ->
                    match a with
                    | Json.Object o when text "set_tweak" o = Some "highlight" ->
                        match o.TryFind "value" with
                        | ValueNone -> Some true
                        | ValueSome(Json.Bool b) -> Some b
                        | ValueSome _ -> Some false
                    | _ -> None)
                |> Array.tryLast

            notifies, notifies && highlight = Some true
        | _ -> false, false
