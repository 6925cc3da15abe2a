/// The answers of `mx rules check`, the quickest first.
module internal Matrix.Cli.Rules.Check.Steps

open Matrix.Cli.Input.TableArguments
open Matrix.Cli.Output
open Matrix.Cli.Rules.Verify
open Matrix.Properties.Claims
open Matrix.Properties.Properties
open Matrix.Properties.SmallWorlds
open Matrix.Rules
open Matrix.Rules.Printing

/// An answer, and whether it is a finding.
type Answer = { Report: Report; IsFinding: bool }

/// Cases are decided up to this weight, and so many drawn ones of each world.
let private heaviest, private drawn = 4, 3000

/// So many broken claims are shown with a case.
let private mostCases = 3

/// What is checked, and what the lint has against it.
let lint (subject: Subject) : Answer = {
    Report = {
        Facts = [
            "checked", Word subject.Version.Name

            match subject.Against with
            | Some other -> "against", Word other.Name
            | None -> ()

            "lint_findings", Count(int64 subject.Findings.Length)
        ]
        Tables = [
            if not subject.Findings.IsEmpty then
                {
                    Name = "lint"
                    Columns = [ "where"; "name"; "what" ]
                    Rows = [ for f in subject.Findings -> [ Word f.Where; Word f.Name; Word f.What ] ]
                }
        ]
    }
    IsFinding = not subject.Findings.IsEmpty
}

/// The rows that differ.
let changes (before: NamedVersion) (after: NamedVersion) : Answer =
    let difference = Difference.between Areas.all before.Version after.Version

    {
        Report = {
            Facts = [
                "rows_changed", Count(difference.Areas |> List.sumBy (fun area -> int64 area.Changes.Length))
            ]
            Tables = [
                {
                    Name = "changes"
                    Columns = [ "area"; "row"; "change"; "text" ]
                    Rows = [
                        for area in difference.Areas do
                            for change in area.Changes do
                                let row = RowChanges.row change

                                [
                                    Word(Areas.name area.Area)
                                    Word row.Id
                                    Word(Prose.kind change)
                                    Word row.Text
                                ]
                    ]
                }
            ]
        }
        IsFinding = false
    }

/// The authorization rules that differ.
let private rulesChanged (before: NamedVersion) (after: NamedVersion) : string list = [
    for area in (Difference.between [ Area.Authorization ] before.Version after.Version).Areas do
        for change in area.Changes do
            if not (RowChanges.isWordingOnly change) then
                (RowChanges.row change).Id
]

/// The clauses that no case reaches, and how often the changed ones decide.
let coverage (before: NamedVersion option) (after: NamedVersion) : Answer =
    let covered = Coverage.cover (Coverage.UpTo heaviest) [ after.Version ]

    let changed =
        before
        |> Option.map (fun before -> rulesChanged before after)
        |> Option.defaultValue []

    let undecided = Coverage.undecided covered

    let isChanged (row: Cell list) =
        match row with
        | _ :: Word clause :: _ -> List.contains clause changed
        | _ -> false

    {
        Report = {
            Facts = [
                "clauses", Count(covered |> List.sumBy (fun c -> int64 c.Clauses.Count))
                "clauses_undecided", Count(int64 undecided.Length)
            ]
            Tables = [
                match covered |> List.collect Coverage.rows |> List.filter isChanged with
                | [] -> ()
                | rows -> {
                    Name = "coverage_of_changes"
                    Columns = [ "clause"; "accepted"; "rejected"; "smallest" ]
                    Rows = List.map List.tail rows
                  }

                if not undecided.IsEmpty then
                    {
                        Name = "undecided"
                        Columns = [ "clause"; "outcome" ]
                        Rows = List.map List.tail undecided
                    }
            ]
        }
        IsFinding = not undecided.IsEmpty
    }

/// The smallest case of each row that differs.
let witnesses (before: NamedVersion) (after: NamedVersion) : Witnessed list =
    Differences.search Areas.all before.Version after.Version

let cases (before: NamedVersion) (after: NamedVersion) (found: Witnessed list) : Answer =
    let linesOf (witnessed: Witnessed) =
        Cases.lines before.Printed after.Printed witnessed.Case

    {
        Report = {
            Facts = []
            Tables = [
                {
                    Name = "smallest_differing_cases"
                    Columns = [ "row"; "case" ]
                    Rows = [
                        // A case that shows several rows is printed once.
                        for _, same in found |> List.groupBy linesOf do
                            let rows =
                                same
                                |> List.map (fun witnessed -> (RowChanges.row witnessed.Change).Id)
                                |> String.concat ", "

                            for i, line in List.indexed (linesOf same.Head) do
                                [ Word(if i = 0 then rows else ""); Word line ]
                    ]
                }
            ]
        }
        IsFinding = false
    }

/// A case in lines, and the decision.
let private linesOf (after: NamedVersion) (witness: Witness) : string list =
    let loader = CaseLoader(Ground(witness.World, after.Version))
    loader.Load witness.Case
    let case, decision = loader.Case, loader.Decide loader.Ground.Rules

    [
        World.describe witness.World witness.Case |> String.concat "; "
        $"{case.Event.Sender} sends {Cases.told case.Event}"
        for event in Cases.state case do
            $"state: {event.Sender} sent {Cases.told event}"
        yield! Cases.facts case
        $"{after.Name} {Cases.verb decision} it: {Cases.why after.Version decision}"
    ]

let private resultOf (own: Claim list) (judged: ChangeJudged) (finding: ClaimFinding) : string =
    let applied =
        judged.All.Findings
        |> List.filter (fun other -> other.Claim = finding.Claim)
        |> List.sumBy _.Applied.Count

    if finding.Broken.Count > 0L then
        "broken"
    elif List.contains finding.Claim own && applied = 0L then
        "about no decision"
    else
        "holds"

/// The claims that the change touches, those that it breaks, and one's own.
let claims
    (own: Claim list)
    (before: NamedVersion)
    (after: NamedVersion)
    (found: Witnessed list)
    (progress: string -> unit)
    : Answer =
    let version = after.Version
    let own = Claims.about version own

    // What somebody says of a change takes the place of what was said under that name.
    let others =
        Claims.of' version
        |> List.filter (fun claim -> own |> List.forall (fun mine -> mine.Name <> claim.Name))

    let judged =
        ChangeClaims.judge
            {
                Before = before.Version
                After = version
                Rules = rulesChanged before after
            }
            {
                Version = version
                Claims = others @ own
                Worlds = Worlds.widened [ before.Version; version; ClaimReads.of' version own ] Worlds.all
            }
            drawn
            [
                for witnessed in found do
                    match witnessed.Case with
                    | Some(ShownCase.Decided apart) -> apart.World, apart.Case
                    | _ -> ()
            ]
            progress

    let touched = [
        for all, touched in List.zip judged.All.Findings judged.Touched.Findings do
            let isOwn = List.contains all.Claim own

            if touched.Applied.Count > 0L || all.Broken.Count > 0L || isOwn then
                all, touched, resultOf own judged all
    ]

    let broken =
        touched
        |> List.filter (fun (all, _, _) -> all.Broken.Count > 0L)
        |> List.map (fun (all, _, _) -> all)

    {
        Report = {
            Facts = [
                "decisions_judged", Count judged.All.Judged
                "decisions_touched", Count judged.Touched.Judged
                "claims_touched", Count(int64 touched.Length)
                "claims_broken", Count(int64 broken.Length)
            ]
            Tables = [
                {
                    Name = "claims_touched"
                    Columns = [ "claim"; "decisions"; "touched"; "result" ]
                    Rows = [
                        for all, touched, result in touched ->
                            [
                                Word all.Claim.Name
                                Count all.Applied.Count
                                Count touched.Applied.Count
                                Word result
                            ]
                    ]
                }
                if not broken.IsEmpty then
                    {
                        Name = "claims_broken"
                        Columns = [ "claim"; "sentence"; "section" ]
                        Rows = [
                            for f in broken -> [ Word f.Claim.Name; Word f.Claim.Sentence; Word f.Claim.Section ]
                        ]
                    }

                    {
                        Name = "cases_against_claims"
                        Columns = [ "claim"; "case" ]
                        Rows = [
                            for f in List.truncate mostCases broken do
                                match f.Broken.Lightest with
                                | None -> ()
                                | Some witness ->
                                    for i, line in List.indexed (linesOf after witness) do
                                        [ Word(if i = 0 then f.Claim.Name else ""); Word line ]
                        ]
                    }
            ]
        }
        IsFinding = touched |> List.exists (fun (_, _, result) -> result <> "holds")
    }
