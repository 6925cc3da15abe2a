namespace Matrix.Properties.Mutation

open Matrix.Properties.SmallWorlds
open Matrix.Rules

/// Everything that can be changed in a version's tables, one at a time.
[<RequireQualifiedAccess>]
module Mutants =

    /// A mutant of a row that belongs to no rule: it may change any decision.
    let private ofRow (subject: Subject) (row: string) (what: string) (table: RoomVersion) : Mutant = {
        Subject = subject
        Rule = row
        Mutation = what
        Table = table
        DiffersOnlyIf = Condition.Always
        DecidedBy = []
    }

    let private authorization (version: RoomVersion) : Mutant list =
        RuleMutants.ofTable Terms.OfAuthorization Subject.Authorization version.Authorization (fun changed -> {
            version with
                Authorization = changed
        })

    // Selection

    let private keys: SelectionKey list = [
        SelectionKey.Empty
        SelectionKey.User User.Sender
        SelectionKey.User User.StateKey
        SelectionKey.ThirdPartyToken
    ]

    let private types = [
        "m.room.create"
        "m.room.power_levels"
        "m.room.member"
        "m.room.join_rules"
        "m.room.third_party_invite"
    ]

    let private selection (version: RoomVersion) : Mutant list =
        let mutant rule what changed =
            ofRow Subject.Selection rule what { version with Selections = changed }

        [
            for i, row in List.indexed version.Selections do
                let put row = List.updateAt i row version.Selections
                mutant row.Name "dropped" (List.removeAt i version.Selections)

                for what, eventType in ConditionMutants.others types row.Type do
                    mutant row.Name $"type: {what}" (put { row with Type = eventType })

                for what, key in ConditionMutants.others keys row.Key do
                    mutant row.Name $"key: {what}" (put { row with Key = key })

                if row.When <> Condition.Always then
                    mutant row.Name "whatever holds" (put { row with When = Condition.Always })

                for what, condition in
                    RuleMutants.negated row.When
                    @ ConditionMutants.inside Terms.OfAuthorization row.When do
                    mutant row.Name what (put { row with When = condition })
        ]
        |> List.filter (fun m -> m.Table.Selections <> version.Selections)
        |> List.distinctBy (fun m -> m.Table.Selections)

    // Redaction

    let private separator = "."

    let private redaction (version: RoomVersion) : Mutant list =
        let table = version.Redaction

        let mutant rule what changed =
            ofRow Subject.Redaction rule what { version with Redaction = changed }

        let put eventType kept = {
            table with
                Content = table.Content.Add(eventType, kept)
        }

        let top, contents = RedactedEvents.everKept.Value

        [
            for key in top do
                if table.TopLevel.Contains key then
                    mutant "top-level" $"drops {key}" (Redaction.apply (RedactionEdit.DropTopLevel [ key ]) table)
                else
                    mutant "top-level" $"keeps {key}" {
                        table with
                            TopLevel = table.TopLevel.Add key
                    }

            for eventType in contents |> List.map fst |> List.append [ "m.room.message" ] |> List.distinct do
                mutant eventType "keeps everything" (Redaction.apply (RedactionEdit.KeepWhole eventType) table)
                mutant eventType "keeps nothing" (Redaction.apply (RedactionEdit.KeepNothing eventType) table)

            for eventType, path in contents do
                let shown = String.concat "." path

                match Redaction.keptOf table eventType with
                | KeptContent.Paths paths when List.contains path paths ->
                    mutant eventType $"drops {shown}" (put eventType (KeptContent.Paths(List.except [ path ] paths)))

                    if path.Length > 1 then
                        let shorter = List.take (path.Length - 1) path

                        mutant
                            eventType
                            $"keeps all of {String.concat separator shorter}"
                            (put eventType (KeptContent.Paths(shorter :: List.except [ path ] paths)))
                | KeptContent.Paths _ ->
                    mutant eventType $"keeps {shown}" (Redaction.apply (RedactionEdit.Keep(eventType, path)) table)
                | KeptContent.Whole ->
                    mutant eventType $"keeps {shown} only" (put eventType (KeptContent.Paths [ path ]))
        ]
        |> List.filter (fun m -> m.Table.Redaction <> table)
        |> List.distinctBy (fun m -> m.Table.Redaction)

    // Settings

    let private settings (version: RoomVersion) : Mutant list =
        let s = version.Settings

        let mutant rule what changed =
            ofRow Subject.Setting rule what { version with Settings = changed }

        [
            for what, x in ConditionMutants.others PowerLevelValues.all s.PowerLevelValues do
                mutant "power-level-values" what { s with PowerLevelValues = x }

            for what, x in
                ConditionMutants.others
                    [ Creators.ContentCreator; Creators.Sender; Creators.SenderAndAdditional ]
                    s.Creators do
                mutant "creators" what { s with Creators = x }

            let powers = [ CreatorPower.HundredAtFirst; CreatorPower.Infinite ]

            for what, x in ConditionMutants.others powers s.CreatorPower do
                mutant "creator-power" what { s with CreatorPower = x }
        ]

    /// The mutants that can change an authorization decision.
    let ofAuthorization (version: RoomVersion) : Mutant list =
        authorization version @ selection version @ settings version

    /// The mutants that can change a decision about a redaction, in the table by which this version applies redactions.
    let ofHandling (version: RoomVersion) : Mutant list =
        RuleMutants.ofTable Terms.OfHandling Subject.Handling version.Handling (fun changed -> {
            version with
                Handling = changed
        })

    /// The mutants that can change what redaction keeps.
    let ofRedaction (version: RoomVersion) : Mutant list = redaction version

    /// All mutants of a version.
    let all (version: RoomVersion) : Mutant list =
        ofAuthorization version
        @ (RedactingWorld.tables version |> List.collect (snd >> ofHandling))
        @ ofRedaction version
