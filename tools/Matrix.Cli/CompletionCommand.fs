namespace Matrix.Cli

open System
open Argu
open Matrix.Cli.Output

/// A shell that can complete command lines.
type Shell =
    | Bash
    | Zsh
    | Fish

type CompletionArguments =
    | [<MainCommand; ExactlyOnce>] Shell of Shell

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Shell _ -> "the shell: bash, zsh or fish. In bash: eval \"$(mx completion bash)\"."

/// The completions of a command. The path of `mx rules show` is `rules`, `show`.
type internal CommandWords = {
    Path: string list
    /// Subcommands and options, each with its help.
    Words: (string * string) list
    /// Options that take one of a few words, with these words.
    Choices: (string * string list) list
}

/// Completion from the command tree itself: a new command completes without further work.
module internal CompletionCommand =
    /// The names of a union's cases as Argu reads them; none if it is not an enumeration.
    let private choicesOf (case: ArgumentCaseInfo) : string list =
        let ofType (t: Type) =
            if
                Reflection.FSharpType.IsUnion t
                && Reflection.FSharpType.GetUnionCases t
                   |> Array.forall (fun c -> c.GetFields().Length = 0)
            then
                [ for c in Reflection.FSharpType.GetUnionCases t -> c.Name.ToLowerInvariant() ]
            else
                []

        match case.UnionCaseInfo.GetFields() with
        | [| one |] -> ofType one.PropertyType
        | _ -> []

    let private versions () =
        Matrix.Rules.Versions.withUnstable |> List.map _.Id

    /// Words of options (or of commands, if the option is "") that are not a union of their own.
    let private known (path: string list) (option: string) : string list =
        match path, option with
        | [ "rules"; ("show" | "diff") ], "" -> versions ()
        | [ "rules"; "msc" ], "" ->
            Matrix.Rules.Versions.withUnstable
            |> List.collect _.Amendments
            |> List.map _.Msc
            |> List.distinct
        | [ "simulate" ], "--room-version" -> "all" :: versions ()
        | _, "--room-version" -> versions ()
        | _, "--area" -> Matrix.Rules.Printing.Areas.all |> List.map Matrix.Rules.Printing.Areas.name
        | _ -> []

    /// All commands of a parser and its subcommands.
    let rec internal tree (path: string list) (arguments: ArgumentParser) : CommandWords list =
        let cases =
            arguments.GetArgumentCases() |> List.filter (fun c -> not c.IsHidden.Value)

        let named = cases |> List.filter (fun c -> not c.IsMainCommand)
        let name (c: ArgumentCaseInfo) = c.Name.Value |> string

        {
            Path = path
            Words =
                (named |> List.map (fun c -> name c, c.Description.Value.TrimEnd '.'))
                @ [ "--help", "shows help" ]
            Choices = [
                for c in cases do
                    let option = if c.IsMainCommand then "" else name c

                    match choicesOf c @ known path option with
                    | [] -> ()
                    | words -> option, words
            ]
        }
        :: [
            for sub in arguments.GetSubCommandParsers() do
                yield!
                    tree
                        (path
                         @ [
                             sub.ParentInfo
                             |> Option.map (fun p -> p.Name.Value |> string)
                             |> Option.defaultValue ""
                         ])
                        sub
        ]

    let private quoted (text: string) = "'" + text.Replace("'", "'\\''") + "'"

    let private lines (texts: string list) = String.Join('\n', texts)

    let private words (c: CommandWords) =
        let positional =
            c.Choices |> List.filter (fun (option, _) -> option = "") |> List.collect snd

        (c.Words |> List.map fst) @ positional

    /// The words of a command as the scripts collect them, each after a space.
    let private typed (c: CommandWords) =
        c.Path |> List.map (fun word -> " " + word) |> String.concat ""

    let private chosen (c: CommandWords) =
        c.Choices |> List.filter (fun (option, _) -> option <> "")

    let private bash (commands: CommandWords list) =
        lines [
            "# Completion of mx in bash: eval \"$(mx completion bash)\""
            "_mx() {"
            "    local path= word i offered= cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}"
            "    for ((i = 1; i < COMP_CWORD; i++)); do"
            "        word=${COMP_WORDS[i]}"
            "        case \"$path $word\" in"
            for c in commands do
                if not c.Path.IsEmpty then
                    "            " + quoted (typed c) + ") path=\"$path $word\" ;;"
            "        esac"
            "    done"
            "    case \"$path|$prev\" in"
            for c in commands do
                for option, some in chosen c do
                    "        "
                    + quoted (typed c + "|" + option)
                    + ") offered="
                    + quoted (String.concat " " some)
                    + " ;;"
            "    esac"
            "    [ -n \"$offered\" ] || case \"$path\" in"
            for c in commands do
                "        "
                + quoted (typed c)
                + ") offered="
                + quoted (String.concat " " (words c))
                + " ;;"
            "    esac"
            "    COMPREPLY=($(compgen -W \"$offered\" -- \"$cur\"))"
            "}"
            "complete -o default -F _mx mx ./mx"
        ]

    let private zsh (commands: CommandWords list) =
        lines [
            "#compdef mx"
            "# Completion of mx in zsh: eval \"$(mx completion zsh)\", or in a folder of fpath as _mx"
            "_mx() {"
            "    local at='' word i"
            "    local -a offered"
            "    for ((i = 2; i < CURRENT; i++)); do"
            "        word=${words[i]}"
            "        case \"$at $word\" in"
            for c in commands do
                if not c.Path.IsEmpty then
                    "            " + quoted (typed c) + ") at=\"$at $word\" ;;"
            "        esac"
            "    done"
            "    case \"$at|${words[CURRENT-1]}\" in"
            for c in commands do
                for option, some in chosen c do
                    "        "
                    + quoted (typed c + "|" + option)
                    + ") compadd -- "
                    + String.concat " " some
                    + "; return ;;"
            "    esac"
            "    case \"$at\" in"
            for c in commands do
                let described =
                    (c.Words
                     |> List.map (fun (word, help) -> quoted (word.Replace(":", "\\:") + ":" + help)))
                    @ (c.Choices
                       |> List.filter (fun (option, _) -> option = "")
                       |> List.collect snd
                       |> List.map quoted)

                "        "
                + quoted (typed c)
                + ") offered=("
                + String.concat " " described
                + ") ;;"
            "    esac"
            "    _describe mx offered || _files"
            "}"
            "compdef _mx mx"
        ]

    let private fish (commands: CommandWords list) =
        lines [
            "# Completion of mx in fish: mx completion fish | source"
            "function __mx_path"
            "    set -l path ''"
            "    for word in (commandline -opc)[2..]"
            "        switch \"$path $word\""
            for c in commands do
                if not c.Path.IsEmpty then
                    "            case " + quoted (typed c)
                    "                set path \"$path $word\""
            "        end"
            "    end"
            "    test \"$path\" = \"$argv[1]\""
            "end"
            for c in commands do
                let path =
                    if c.Path.IsEmpty then
                        ""
                    else
                        " " + String.concat " " c.Path

                let condition = " -n " + quoted ("__mx_path " + quoted path)

                for word, help in c.Words do
                    if word.StartsWith "--" then
                        let choices =
                            c.Choices
                            |> List.tryFind (fun (option, _) -> option = word)
                            |> Option.map (fun (_, some) -> " -x -a " + quoted (String.concat " " some))
                            |> Option.defaultValue ""

                        "complete -c mx"
                        + condition
                        + " -l "
                        + word.Substring 2
                        + choices
                        + " -d "
                        + quoted help
                    else
                        "complete -c mx" + condition + " -f -a " + quoted word + " -d " + quoted help

                for option, some in c.Choices do
                    if option = "" then
                        "complete -c mx" + condition + " -f -a " + quoted (String.concat " " some)
        ]

    /// Writes a shell's script.
    let run (whole: ArgumentParser) (arguments: ParseResults<CompletionArguments>) : Ending =
        let commands = tree [] whole

        Console.Out.WriteLine(
            match arguments.GetResult CompletionArguments.Shell with
            | Bash -> bash commands
            | Zsh -> zsh commands
            | Fish -> fish commands
        )

        Done
