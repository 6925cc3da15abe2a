/// Counts the decisions of each clause.
module internal Matrix.Cli.Rules.Verify.Coverage

open System
open System.Collections.Generic
open Matrix.Cli.Output
open Matrix.Properties.Properties
open Matrix.Properties.SmallWorlds
open Matrix.Rules

/// Which decisions are counted.
type Counted =
    | Every
    /// The lightest, until each clause has decided, and drawn ones.
    | LightestAndDrawn
    /// Drawn ones, and the lightest up to a weight.
    | UpTo of weight: int

/// The decisions of a group of versions that authorization cannot tell apart.
let private survey (counted: Counted) (version: RoomVersion) (told: WorldCount -> unit) : Survey =
    let worlds = Worlds.widened [ version ] Worlds.all

    let withDrawn (lightest: Survey) =
        lightest.Add(DecisionLaws.sample version DecisionLaws.few 1UL)
        lightest

    match counted with
    | Every -> Survey.run version worlds 1L Environment.ProcessorCount told
    | LightestAndDrawn -> withDrawn (DecisionLaws.lightest version)
    | UpTo weight -> withDrawn (Survey.lightest version worlds weight)

/// The decisions of each rule of a table, in the versions that share it.
type Covered = {
    Versions: string
    Table: Rule list
    Clauses: IDictionary<string, ClauseCount>
}

/// Counts the decisions of each rule of these versions.
let cover (counted: Counted) (versions: RoomVersion list) : Covered list = [
    use progress = new Progress()

    let ids group =
        group |> List.map _.Id |> String.concat ", "

    for group in Worlds.groups versions do
        progress.Show $"versions {ids group}"

        let survey =
            survey counted (List.head group) (fun world ->
                progress.Show $"versions {ids group}: {world.Name}, {world.Decided} decisions")

        {
            Versions = ids group
            Table = survey.Version.Authorization
            Clauses = survey.Clauses
        }

    for group in RedactingWorld.groups versions do
        progress.Show $"versions {ids group}: redactions"

        for _, table in RedactingWorld.tables (List.head group) do
            {
                Versions = ids group
                Table = table.Handling
                Clauses = Survey.ofRedactions table
            }
]

/// A row for each rule: its versions and name, what it accepts and rejects, and the smallest case.
let rows (covered: Covered) : Cell list list =
    // A rule that only contains others is counted by the rules inside.
    let rec counts (rule: Rule) : int64 * int64 * Witness option =
        match covered.Clauses.TryGetValue(Rule.name rule) with
        | true, count ->
            count.Accepted.Count, count.Rejected.Count, Option.orElse count.Rejected.Lightest count.Accepted.Lightest
        | _ ->
            let inside = Rule.inside rule |> List.map counts

            inside |> List.sumBy (fun (a, _, _) -> a),
            inside |> List.sumBy (fun (_, r, _) -> r),
            inside |> List.tryPick (fun (_, _, w) -> w)

    [
        for rule in Rule.all covered.Table ->
            let accepted, rejected, lightest = counts rule

            [
                Word covered.Versions
                Word(Rule.name rule)
                Count accepted
                Count rejected
                Word(lightest |> Option.map Witnesses.name |> Option.defaultValue "")
            ]
    ]

/// The clauses that no counted case reaches, or not with this outcome.
let undecided (covered: Covered list) : Cell list list = [
    for c in covered do
        for clause, accepting in Survey.undecidedOf c.Table c.Clauses do
            [
                Word c.Versions
                Word clause
                Word(if accepting then "accepted" else "rejected")
            ]
]
