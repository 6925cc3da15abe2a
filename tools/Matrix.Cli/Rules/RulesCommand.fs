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
    | [<CliPrefix(CliPrefix.None)>] Verify of ParseResults<VerifyArguments>
    | [<CliPrefix(CliPrefix.None)>] Coverage of ParseResults<CoverageArguments>
    | [<CliPrefix(CliPrefix.None)>] Html of ParseResults<HtmlArguments>
    | [<CliPrefix(CliPrefix.None)>] Mutate of ParseResults<MutateArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | List _ -> "room versions, what each amends, and which tables they share."
            | Show _ -> "the rules of a room version."
            | Diff _ -> "what differs between two room versions."
            | History _ -> "what each room version changed of one clause, and by which proposal."
            | Print _ -> "writes all versions, and what each changed of its parent, into a folder."
            | Explain _ -> "how the rules decide an event: what was tried, and what decided."
            | Verify _ -> "checks every property, and every invariant with its exceptions."
            | Coverage _ -> "which clauses decide how many cases of the small worlds."
            | Html _ -> "writes a site of all versions and differences, with the cases that show them, into a folder."
            | Mutate _ -> "changes the rules one at a time, and says of each change what notices it."

module internal RulesCommand =
    let run (arguments: ParseResults<RulesArguments>) : Ending =
        match arguments.GetSubCommand() with
        | List arguments -> ListCommand.run arguments
        | Show arguments -> ShowCommand.run arguments
        | Diff arguments -> DiffCommand.run arguments
        | History arguments -> HistoryCommand.run arguments
        | Print arguments -> PrintCommand.run arguments
        | Explain arguments -> ExplainCommand.run arguments
        | Verify arguments -> VerifyCommand.run arguments
        | Coverage arguments -> CoverageCommand.run arguments
        | Html arguments -> HtmlCommand.run arguments
        | Mutate arguments -> MutateCommand.run arguments
