namespace Matrix.Rules

/// A numbered item of a version's authorization rules, as its page shows it.
type NumberedItem = {
    /// The dotted name.
    Name: string
    /// The position in the nested list.
    At: string
    /// The number as the page prints it, which is not always the position.
    Number: string
    Text: string
    /// What its sentence decides, if it does.
    Outcome: Outcome option
    /// Where the page stands.
    Link: string
}

/// How a declared version becomes a full one, and how a full one reads.
[<RequireQualifiedAccess>]
module Flatten =

    let private step (version: RoomVersion) (change: Change) : RoomVersion =
        match change with
        | Change.Setting x -> {
            version with
                Settings = Settings.apply x version.Settings
          }
        | Change.Redaction x -> {
            version with
                Redaction = Redaction.apply x version.Redaction
          }
        | Change.Authorization x -> {
            version with
                Authorization = Rule.edit x version.Authorization
          }
        | Change.Selection x -> {
            version with
                Selections = Selection.edit x version.Selections
          }
        | Change.Handling x -> {
            version with
                Handling = Rule.edit x version.Handling
          }

    /// A version with one more amendment applied.
    let apply (version: RoomVersion) (amendment: Amendment) : RoomVersion =
        amendment.Changes |> List.fold step version

    /// The parent with the amendments applied, in order.
    let amend (parent: RoomVersion) (declaration: VersionDeclaration) : RoomVersion =
        let start = {
            parent with
                Id = declaration.Id
                Parent = Some declaration.Parent
                Stability = declaration.Stability
                Amendments = declaration.Amendments
                Misprints = declaration.Misprints
                Page =
                    match declaration.Stability with
                    | Stability.Stable -> declaration.Id
                    | Stability.Unstable -> parent.Page
        }

        declaration.Amendments |> List.fold apply start

    /// The numbered items of a version's authorization rules, in reading order.
    let numbered (version: RoomVersion) : NumberedItem list =
        let printed = Map.ofList version.Misprints

        [
            for item in Rule.items version.Authorization ->
                let head, outcome =
                    match item.Part with
                    | Some part -> part.Head, None
                    | None -> Rule.head item.Rule, Rule.outcome item.Rule

                {
                    Name = head.Name
                    At = item.At
                    Number = printed |> Map.tryFind head.Name |> Option.defaultValue item.At
                    Text = head.Text
                    Outcome = outcome
                    Link = Links.room version.Page "authorisation-rules"
                }
        ]
