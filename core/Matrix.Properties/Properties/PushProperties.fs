namespace Matrix.Properties.Properties

open FsCheck
open FsCheck.FSharp
open Matrix.Core.Json
open Matrix.Core.Push
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Reference

/// Push rules: patterns, paths, editing, evaluation.
module PushProperties =

    let private facts (scene: PushScene) (displayName: string option) (thread: ThreadSubscription) : LiteralPush.Facts =
        let e = scene.Event

        let stateKey =
            match e.StateKey with
            | null -> []
            | key -> [ struct ("state_key", Json.String key) ]

        {
            Event =
                Json.Object(
                    JsonObject.OfSeq(
                        [
                            struct ("type", Json.String e.Type)
                            struct ("sender", Json.String e.Sender)
                            struct ("room_id", Json.String e.RoomId)
                            struct ("event_id", Json.String e.EventId)
                            struct ("content", Json.Object e.Content)
                        ]
                        @ stateKey
                    )
                )
            Members = scene.Members
            SenderPower = scene.SenderPower
            Levels = scene.Levels
            DisplayName = displayName
            Subscribed =
                match thread with
                | ThreadSubscription.Subscribed -> Some true
                | ThreadSubscription.Unsubscribed -> Some false
                | _ -> None
        }

    let private orNull (s: string option) : string | null =
        match s with
        | Some s -> s
        | None -> null

    let private displayName =
        Gen.elements [ None; Some ""; Some "a"; Some "ab"; Some "É"; Some "a*" ]

    /// What differs between readers with the same rules.
    let private reader =
        Gen.zip
            displayName
            (Gen.elements [
                ThreadSubscription.NotInThread
                ThreadSubscription.Unsubscribed
                ThreadSubscription.Subscribed
            ])

    /// Globs that have to match a whole text.
    let globs =
        Property.forAll
            "push.glob.whole"
            "A glob matches a whole text exactly if the literal reading says so."
            (Gen.zip PushGen.pattern PushGen.text)
            (fun (pattern, text) ->
                (Glob.Of pattern).Matches(FoldedText.Of text) = LiteralPush.matchesWhole pattern text)

    /// Globs that have to match words of a text.
    let words =
        Property.forAll
            "push.glob.words"
            "A glob matches words of a text exactly if it matches some part between word boundaries."
            (Gen.zip PushGen.pattern PushGen.text)
            (fun (pattern, text) ->
                (Glob.Of pattern).MatchesWords(FoldedText.Of text) = LiteralPush.matchesWords pattern text)

    /// Parts that are longer than one word of the matcher.
    let longParts =
        Property.forAll
            "push.glob.long"
            "A long part between stars is found in a text exactly if it is at some place, and among the words of the \
             text exactly if it is at some place between word boundaries."
            PushGen.longPart
            (fun (part, text) ->
                let isAt place =
                    Seq.forall2
                        (fun p c -> p = '?' || System.Char.ToLowerInvariant p = System.Char.ToLowerInvariant c)
                        part
                        (text.Substring(place, part.Length))

                let isWordCharacter (c: char) =
                    System.Char.IsAsciiLetterOrDigit c || c = '_'

                let isBoundary place =
                    place = 0
                    || place = text.Length
                    || not (isWordCharacter text[place - 1])
                    || not (isWordCharacter text[place])

                let places = [ 0 .. text.Length - part.Length ] |> List.filter isAt
                let folded = FoldedText.Of text

                (Glob.Of $"*{part}*").Matches folded = not places.IsEmpty
                && (Glob.Of part).MatchesWords folded =
                    (places
                     |> List.exists (fun place -> isBoundary place && isBoundary (place + part.Length))))

    /// A pattern without wildcards matches its own text.
    let literal =
        Property.forAll
            "push.glob.literal"
            "A literal pattern matches its own text; a star matches any text; a text without stars and question marks \
             is its own pattern."
            PushGen.text
            (fun text ->
                let folded = FoldedText.Of text

                (Glob.Literal text).Matches folded
                && (Glob.Of "*").Matches folded
                && (Glob.Of text).Matches folded)

    /// Property paths are read back.
    let paths =
        Property.forAll
            "push.path.round-trip"
            "Names with dots and backslashes, written as a path, are read back as the same names."
            (Gen.nonEmptyListOf (
                Gen.listOf (Gen.elements [ "a"; "."; "\\"; "\\."; "m.x" ])
                |> Gen.map (String.concat "")
            ))
            (fun names -> PropertyPath.parse (PropertyPath.render (List.toArray names)) = List.toArray names)

    /// Conditions are read back from JSON.
    let conditions =
        Property.forAll
            "push.condition.round-trip"
            "A condition written as JSON is read back as the same condition."
            PushGen.condition
            (fun c -> PushCondition.ofJson (PushCondition.toJson c) = c)

    /// Stored rulesets are read back.
    let stored =
        Property.forAll
            "push.ruleset.round-trip"
            "A ruleset stored as account data is read back as the same ruleset, and evaluates the same."
            (Gen.zip PushGen.ruleset PushGen.scene)
            (fun (rules, scene) ->
                let again = Ruleset.Parse(rules.UserId, rules.ToContent())

                again.ToContent().Equals(rules.ToContent())
                && again.Evaluate(scene.Fresh(), null).NotifyClass = rules.Evaluate(scene.Fresh(), null).NotifyClass)

    let private ids (rules: Ruleset) kind = [
        for r in rules.Rules do
            if r.Kind = kind then
                r.RuleId
    ]

    /// Every ruleset has the default rules, and each id once.
    let shape =
        Property.forAll
            "push.ruleset.shape"
            "After any edits, all of the server's rules are present, in their order and, except for master, below the \
             user's own; each id occurs once."
            PushGen.ruleset
            (fun rules ->
                let fresh = Ruleset.Default rules.UserId

                PushRuleKinds.All
                |> Array.forall (fun kind ->
                    let now, defaults = ids rules kind, ids fresh kind
                    let own = now |> List.filter (fun id -> not (id.StartsWith '.'))

                    let expected =
                        match defaults with
                        | master :: rest when kind = PushRuleKind.Override -> master :: own @ rest
                        | _ -> own @ defaults

                    now = expected
                    && List.distinct now = now
                    && rules.Rules |> Seq.forall (fun r -> r.IsDefault = r.RuleId.StartsWith '.')))

    /// The rule is right before `before`, else right after `after`, else in its old position, else first; nothing else
    /// changes.
    let private isPlaced (rules: Ruleset) (edited: Ruleset) kind (id: string) before after : bool =
        let own r =
            List.filter (fun (i: string) -> not (i.StartsWith '.')) (ids r kind)

        let was, now = own rules, own edited
        let others = List.filter ((<>) id)
        let at = List.findIndex ((=) id) now

        let placed =
            match before, after with
            | Some b, _ -> List.item (at + 1) now = b
            | None, Some a -> at > 0 && List.item (at - 1) now = a
            | None, None ->
                match List.tryFindIndex ((=) id) was with
                | Some i -> at = i
                | None -> at = 0

        let enabledBefore =
            match rules.Find(kind, id) with
            | null -> true
            | r -> r.Enabled

        let enabledNow =
            match edited.Find(kind, id) with
            | null -> false
            | r -> r.Enabled = enabledBefore

        placed
        && enabledNow
        && others now = others was
        && PushRuleKinds.All
           |> Array.forall (fun k -> k = kind || ids edited k = ids rules k)

    /// The refusal of a rule has a reason.
    let private isJustified (rules: Ruleset) kind (id: string) before after (refusal: RulesetError) : bool =
        match refusal with
        | RulesetError.ReservedId _ -> id.StartsWith '.'
        | RulesetError.KindIsServers _ -> kind = PushRuleKind.PostContent
        | RulesetError.IllegalId _ -> id = "" || id.Contains '/' || id.Contains '\\'
        | RulesetError.NeighbourIsDefault n -> n.StartsWith '.' && (before = Some n || after = Some n)
        | RulesetError.NoSuchNeighbour n ->
            (before = Some n || after = Some n) && (n = id || isNull (rules.Find(kind, n)))
        | RulesetError.NoSuchRule _
        | RulesetError.TooMuch _ -> false
        | RulesetError.Missing _
        | RulesetError.WrongType _ -> true

    /// A rule is put where the request says.
    let placing =
        Property.forAll
            "push.ruleset.placing"
            "A rule that was put stands right before `before`, else right after `after`, else where it stood, else \
             first; nothing else moves or changes."
            PushGen.placing
            (fun (rules, edit) ->
                match edit, PushGen.perform rules edit with
                | PutRule(kind, id, _, before, after), Ok edited -> isPlaced rules edited kind id before after
                | PutRule(kind, id, _, before, after), Error e -> isJustified rules kind id before after e
                | DeleteRule(kind, id), Ok edited ->
                    isNull (edited.Find(kind, id))
                    && ids edited kind = List.filter ((<>) id) (ids rules kind)
                | EnableRule(kind, id, enabled), Ok edited ->
                    ids edited kind = ids rules kind
                    && (match edited.Find(kind, id) with
                        | null -> false
                        | r -> r.Enabled = enabled)
                | SetRuleActions(kind, id, _), Ok edited ->
                    ids edited kind = ids rules kind && not (isNull (edited.Find(kind, id)))
                | DeleteRule(kind, id), Error _ -> isNull (rules.Find(kind, id)) || id.StartsWith '.'
                | EnableRule(kind, id, _), Error _ -> isNull (rules.Find(kind, id))
                | SetRuleActions(kind, id, _), Error e ->
                    match e with
                    | RulesetError.NoSuchRule _ -> isNull (rules.Find(kind, id))
                    | _ -> true)

    /// The fast evaluation agrees with the literal one.
    let evaluation =
        Property.forAll
            "push.evaluate.literal"
            "Evaluation finds the same rule and the same actions as the literal reading of the ruleset's JSON; a \
             user's own events match nothing."
            (Gen.zip3 PushGen.ruleset PushGen.scene reader)
            (fun (rules, scene, (name, thread)) ->
                let outcome = rules.Evaluate(scene.Fresh(), orNull name, thread)

                if scene.Event.Sender = rules.UserId then
                    isNull outcome.Rule && outcome.NotifyClass = 0
                else
                    match LiteralPush.firstMatch (facts scene name thread) (rules.ToJson()) with
                    | None -> isNull outcome.Rule && outcome.NotifyClass = 0
                    | Some expected ->
                        let notifies, highlights = LiteralPush.weigh expected

                        let sameRule =
                            match outcome.Rule with
                            | null -> false
                            | found -> found.ToJson().Equals expected

                        sameRule
                        && outcome.Notifies = notifies
                        && outcome.Highlights = highlights
                        && outcome.NotifyClass = (if notifies then 1 else 0) + (if highlights then 2 else 0))

    /// Values cached for one reader do not affect another.
    let remembering =
        Property.forAll
            "push.evaluate.shared"
            "One event evaluated for many readers gives each the same result as an event evaluated for that reader \
             alone."
            (Gen.zip3 (Gen.listOf PushGen.ruleset) PushGen.scene (Gen.listOf reader))
            (fun (rulesets, scene, readers) ->
                let shared = scene.Fresh()

                let outside = None, ThreadSubscription.NotInThread

                List.allPairs (List.truncate 4 rulesets) (outside :: List.truncate 2 readers)
                |> List.forall (fun (rules, (name, thread)) ->
                    rules.Evaluate(shared, orNull name, thread).NotifyClass =
                        rules.Evaluate(scene.Fresh(), orNull name, thread).NotifyClass))

    /// The result for readers with default rules.
    let forMost =
        Property.forAll
            "push.evaluate.for-most"
            "Readers who changed no rule, did not send the event and are not named in it all get the default result \
             that is stored with the event."
            (Gen.zip PushGen.scene reader)
            (fun (scene, (_, thread)) ->
                let dave = Ruleset.Default "@dave:example.org"

                Ruleset.ForMost(scene.Fresh()).NotifyClass = dave.Evaluate(scene.Fresh(), "a").NotifyClass
                && Ruleset.ForMost(scene.Fresh(), thread).NotifyClass =
                    dave.Evaluate(scene.Fresh(), "a", thread).NotifyClass)

    /// All of these.
    let all = [
        globs
        words
        longParts
        literal
        paths
        conditions
        stored
        shape
        placing
        evaluation
        remembering
        forMost
    ]
