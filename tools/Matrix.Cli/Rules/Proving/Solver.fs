namespace Matrix.Cli.Rules

open System
open System.Diagnostics
open System.Threading.Tasks
open Matrix.Cli.Output

/// A solver's answer.
[<RequireQualifiedAccess>]
type internal Answer =
    | Unsat
    /// With the values that were asked for.
    | Sat of values: string
    /// It found neither in its time, or cannot.
    | Unknown of reason: string

/// A program that answers SMT-LIB.
type internal Solver = {
    /// `z3` or `cvc5`.
    Name: string
    /// The arguments for a limit in seconds.
    Arguments: int -> string list
}

/// Runs solvers: programs of the system, each in a process of its own for one question.
module internal Solver =

    let z3 = {
        Name = "z3"
        Arguments = fun seconds -> [ "-in"; "-smt2"; $"-T:{seconds}" ]
    }

    let cvc5 = {
        Name = "cvc5"
        Arguments = fun seconds -> [ "--lang=smt2"; "--produce-models"; $"--tlimit={seconds * 1000}" ]
    }

    /// What a process may write and take beyond its limit.
    let private grace = TimeSpan.FromSeconds 5.0

    let private started (name: string) (arguments: string list) : Process option =
        let info =
            ProcessStartInfo(
                name,
                arguments,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        try
            Option.ofObj (Process.Start info)
        with :? ComponentModel.Win32Exception ->
            None

    /// The version that a solver says it is; none if it is not installed.
    let version (solver: Solver) : string option =
        match started solver.Name [ "--version" ] with
        | None -> None
        | Some started ->
            use running = started
            let text = running.StandardOutput.ReadToEnd()
            running.WaitForExit()

            text.Split([| ' '; '\n' |], StringSplitOptions.RemoveEmptyEntries)
            |> Array.tryFind (fun word -> word.Length > 0 && Char.IsAsciiDigit word[0])

    /// The solvers with their versions, if both are installed.
    let installed () : Result<(string * string) list, Ending> =
        let solvers = [ for solver in [ z3; cvc5 ] -> solver.Name, version solver ]

        match solvers |> List.filter (fun (_, version) -> version.IsNone) with
        | [] -> Ok [ for name, version in solvers -> name, Option.defaultValue "" version ]
        | missing ->
            let names = missing |> List.map fst |> String.concat " and "
            Error(Refused $"not proved here: {names} is not installed. On Debian: apt install z3 cvc5")

    let private read (text: string) : Answer =
        match text.TrimStart() with
        | text when text.StartsWith("unsat", StringComparison.Ordinal) -> Answer.Unsat
        | text when text.StartsWith("sat", StringComparison.Ordinal) -> Answer.Sat(text.Substring 3)
        | "" -> Answer.Unknown "no answer"
        | text -> Answer.Unknown(text.Split('\n')[0])

    /// Asks a solver.
    let ask (solver: Solver) (seconds: int) (question: string) : Task<Answer> =
        task {
            match started solver.Name (solver.Arguments seconds) with
            | None -> return Answer.Unknown $"{solver.Name} is not installed"
            | Some started ->
                use running = started
                let output = running.StandardOutput.ReadToEndAsync()
                let errors = running.StandardError.ReadToEndAsync()

                try
                    do! running.StandardInput.WriteAsync question
                    running.StandardInput.Close()
                with :? IO.IOException ->
                    // It ended before it had read everything; its answer says why.
                    ()

                let limit = Task.Delay(TimeSpan.FromSeconds(float seconds) + grace)
                let! first = Task.WhenAny(output, limit)

                if Object.ReferenceEquals(first, limit) then
                    running.Kill()

                let! text = output
                let! _ = errors
                return read text
        }
