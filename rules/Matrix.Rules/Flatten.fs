namespace Matrix.Rules

/// An item of a version's authorization rules, as its page shows it.
type NumberedItem = {
    /// The dotted name.
    Name: string
    /// The position in the nested list.
    At: string
    /// The number as the page prints it, which is not always the position; "" if the page does not have the rule.
    Number: string
    Text: string
    /// The outcome of its sentence, if it has one.
    Outcome: Outcome option
    /// The address of the page.
    Link: string
}

/// Builds full versions from declared ones, and numbers their rules.
[<RequireQualifiedAccess>]
module Flatten =

    let private step (version: RoomVersion) (change: Change) : RoomVersion =
        match change with
        | Change.Setting x -> {
            version with
                Settings = Settings.apply x version.Settings
          }
        | Change.Resolution x -> {
            version with
                Settings = {
                    version.Settings with
                        StateResolution = StateResolutionAlgorithm.edit x version.Settings.StateResolution
                }
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

    /// The number of an item as the version's page prints it; "" if the page does not have it.
    let number (version: RoomVersion) (item: Item) : string =
        let head =
            match item.Part with
            | Some part -> part.Head
            | None -> Rule.head item.Rule

        match head.Reading with
        | Some _ -> ""
        | None ->
            version.Misprints
            |> List.tryFind (fun (name, _) -> name = head.Name)
            |> Option.map snd
            |> Option.defaultValue item.At

    /// The items of a version's authorization rules, in reading order.
    let numbered (version: RoomVersion) : NumberedItem list = [
        for item in Rule.items version.Authorization ->
            let head, outcome =
                match item.Part with
                | Some part -> part.Head, None
                | None -> Rule.head item.Rule, Rule.outcome item.Rule

            {
                Name = head.Name
                At = item.At
                Number = number version item
                Text = head.Text
                Outcome = outcome
                Link = Links.room version.Page "authorisation-rules"
            }
    ]
