namespace Matrix.Cli.Rules.Check

open Matrix.Cli.Input
open Matrix.Cli.Input.TableArguments
open Matrix.Cli.Output
open Matrix.Cli.Sources
open Matrix.Rules

/// What is checked: a version, and what it is compared with.
type internal Subject = {
    Version: NamedVersion
    /// None for a version without a parent.
    Against: NamedVersion option
    /// What the lint has against it, or against the sources that it is of.
    Findings: Finding list
}

/// Finds what is checked.
module internal Subject =

    let private ofSource (source: RuleSources.RuleSource) (id: string) : Result<NamedVersion * string option, Ending> =
        RuleSources.version source id
        |> Result.map (fun version -> ofSource id version, version.Parent)
        |> Result.mapError SourceFault.ending

    /// The rules of the checkout; none outside of one, where this program's own are meant.
    let private checkout (line: Progress) : Result<RuleSources.RuleSource option, Ending> =
        match RuleSources.ofCheckout line.Show with
        | Ok source -> Ok(Some source)
        | Error(SourceFault.NoCheckout _) -> Ok None
        | Error fault -> Error(SourceFault.ending fault)

    let private parentOf (version: RoomVersion) : NamedVersion option =
        version.Parent |> Option.bind Versions.tryFindUnstable |> Option.map known

    /// A version by its id alone: that of the checkout, if there is one.
    let private byId (line: Progress) (id: string) : Result<Subject, Ending> =
        match checkout line with
        | Error ending -> Error ending
        | Ok None ->
            RoomVersions.find id
            |> Result.map (fun version -> {
                Version = known version
                Against = parentOf version
                Findings = Lint.version version
            })
        | Ok(Some source) ->
            ofSource source id
            |> Result.bind (fun (version, parent) ->
                match parent with
                | None -> Ok(version, None)
                | Some parent -> ofSource source parent |> Result.map (fun (parent, _) -> version, Some parent))
            |> Result.map (fun (version, parent) -> {
                Version = version
                Against = parent
                Findings = source.Findings
            })

    let private ofArgument (line: Progress) (argument: string) : Result<Subject, Ending> =
        if isFile argument then
            TableFiles.readWithFindings argument
            |> Result.map (fun (table, findings) -> {
                Version = ofFile argument table
                Against = Some(known table.Base)
                Findings = findings
            })
        elif argument.Contains ':' then
            find argument
            |> Result.map (fun version -> {
                Version = version
                Against = parentOf version.Version
                Findings = Lint.version version.Version
            })
        else
            byId line argument

    /// What an argument calls, compared with its parent, with the version of the same id for a file, or with what is
    /// asked for.
    let find (argument: string) (against: string option) : Result<Subject, Ending> =
        use line = new Progress()

        ofArgument line argument
        |> Result.bind (fun subject ->
            match against with
            | None -> Ok subject
            | Some other ->
                ofArgument line other
                |> Result.map (fun other -> {
                    subject with
                        Against = Some other.Version
                }))
