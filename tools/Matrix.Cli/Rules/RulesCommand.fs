namespace Matrix.Cli.Rules

open Argu
open Matrix.Cli.Output

[<RequireSubcommand>]
type RulesArguments =
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<ListArguments>
    | [<CliPrefix(CliPrefix.None)>] Show of ParseResults<ShowArguments>
    | [<CliPrefix(CliPrefix.None)>] Diff of ParseResults<DiffArguments>
    | [<CliPrefix(CliPrefix.None)>] History of ParseResults<HistoryArguments>
    | [<CliPrefix(CliPrefix.None)>] Print of ParseResults<PrintArguments>
    | [<CliPrefix(CliPrefix.None)>] Explain of ParseResults<ExplainArguments>
    | [<CliPrefix(CliPrefix.None)>] Lint of ParseResults<LintArguments>
    | [<CliPrefix(CliPrefix.None)>] Claims of ParseResults<ClaimsArguments>
    | [<CliPrefix(CliPrefix.None)>] Verify of ParseResults<VerifyArguments>
    | [<CliPrefix(CliPrefix.None)>] Coverage of ParseResults<CoverageArguments>
    | [<CliPrefix(CliPrefix.None)>] Html of ParseResults<HtmlArguments>
    | [<CliPrefix(CliPrefix.None)>] Mutate of ParseResults<MutateArguments>
    | [<CliPrefix(CliPrefix.None)>] Prove of ParseResults<ProveArguments>
    | [<CliPrefix(CliPrefix.None)>] Sentences of ParseResults<SentencesArguments>
    | [<CliPrefix(CliPrefix.None)>] Drift of ParseResults<DriftArguments>
    | [<CliPrefix(CliPrefix.None)>] Msc of ParseResults<MscArguments>
    | [<CliPrefix(CliPrefix.None)>] Check of ParseResults<CheckArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | List _ -> "lists room versions, their amendments, and the tables that they share."
            | Show _ -> "prints the rules of a room version."
            | Diff _ -> "compares two room versions."
            | History _ -> "prints what each room version changed in one clause, and the proposal."
            | Print _ -> "writes every version, and its differences from its parent, to a folder as Markdown."
            | Explain _ -> "explains how the rules decide an event."
            | Lint _ -> "checks that tables are well formed, and that amendments touch what they declare."
            | Claims _ -> "prints what is claimed of the rules, apart from their text."
            | Verify _ -> "checks every property, and every invariant and claim with its exceptions."
            | Coverage _ -> "counts, for each clause, the cases of the small worlds that it decides."
            | Html _ -> "writes a site of all versions and differences, with example cases, to a folder."
            | Mutate _ -> "changes one rule at a time, and reports what detects each change."
            | Prove _ -> "proves claims about the rules with z3 and cvc5, for every event and state."
            | Sentences _ -> "compares the specification's sentences with the digests that the rows have of them."
            | Drift _ -> "names the rules whose sentences differ between two commits of the specification."
            | Msc _ -> "drafts a proposal's rules from an amendment: before and after, with their numbers."
            | Check _ -> "says what a change does: lint, changes, coverage, smallest cases and claims, quickest first."

module internal RulesCommand =
    let run (arguments: ParseResults<RulesArguments>) : Ending =
        match arguments.GetSubCommand() with
        | List arguments -> ListCommand.run arguments
        | Show arguments -> ShowCommand.run arguments
        | Diff arguments -> DiffCommand.run arguments
        | History arguments -> HistoryCommand.run arguments
        | Print arguments -> PrintCommand.run arguments
        | Explain arguments -> ExplainCommand.run arguments
        | Lint arguments -> LintCommand.run arguments
        | Claims arguments -> ClaimsCommand.run arguments
        | Verify arguments -> VerifyCommand.run arguments
        | Coverage arguments -> CoverageCommand.run arguments
        | Html arguments -> HtmlCommand.run arguments
        | Mutate arguments -> MutateCommand.run arguments
        | Prove arguments -> ProveCommand.run arguments
        | Sentences arguments -> SentencesCommand.run arguments
        | Drift arguments -> DriftCommand.run arguments
        | Msc arguments -> MscCommand.run arguments
        | Check arguments -> CheckCommand.run arguments
